/**
 * What a weights file may hold: the network's parameters, and those of its dual networks or none of
 * them.
 */
import { DualscaleError } from '../errors.ts';
import { createNetwork } from '../network/create-network.ts';
import { createDuals } from '../network/dual.ts';
import type { NetworkSpec, ParameterSpec, ParameterValues } from '../network/spec.ts';

type Values = Readonly<Record<string, ParameterValues>>;

export interface StoredParameters {
  readonly parameters: Values;
  /**
   * Of the networks that `createDuals` makes, trained with this model; absent where none were
   * published.
   */
  readonly dualParameters?: Values;
}

function checkTensor({ name, shape }: ParameterSpec, tensors: Values): ParameterValues {
  const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
  if (!tensor) throw new DualscaleError('DS_BAD_MODEL', `parameter \`${name}\` is missing`);
  if (tensor.shape.join() !== shape.join()) {
    const message = `expected parameter \`${name}\` to have shape [${shape}], got [${tensor.shape}]`;
    throw new DualscaleError('DS_BAD_MODEL', message);
  }
  if (!tensor.data.every(Number.isFinite)) {
    throw new DualscaleError('DS_BAD_MODEL', `parameter \`${name}\` holds a number that is not finite`);
  }
  return tensor;
}

const pick = (specs: readonly ParameterSpec[], tensors: Values): Values =>
  Object.fromEntries(specs.map((spec) => [spec.name, checkTensor(spec, tensors)]));

const dualSpecs = (spec: NetworkSpec) => createDuals(spec).flatMap((dual) => dual.parameters);

/** At most how many values a weights file of this network holds. */
export function storedValueCount(spec: NetworkSpec): number {
  const specs = [...createNetwork(spec).parameters, ...dualSpecs(spec)];
  return specs.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0);
}

/**
 * @throws DS_BAD_MODEL unless names and shapes are exactly the networks' and every number is
 * finite.
 */
export function splitParameters(spec: NetworkSpec, tensors: Values): StoredParameters {
  const [own, dual] = [createNetwork(spec).parameters, dualSpecs(spec)];
  const known = new Set([...own, ...dual].map(({ name }) => name));
  const unknown = Object.keys(tensors).find((name) => !known.has(name));
  if (unknown !== undefined) throw new DualscaleError('DS_BAD_MODEL', `the network has no parameter \`${unknown}\``);
  const hasDual = dual.some(({ name }) => Object.hasOwn(tensors, name));
  return { parameters: pick(own, tensors), dualParameters: hasDual ? pick(dual, tensors) : undefined };
}
