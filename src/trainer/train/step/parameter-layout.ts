/** All trainable values of a run in one flat vector: the optimiser is then a dozen kernels, whatever the depth. */

import type { Network, Parameters } from '../../../core/network/network.ts';
import type { ParameterSpec, ParameterValues } from '../../../core/network/spec.ts';
import type { Tensor, Tensor1D } from '../../../core/tf.ts';
import { tf } from '../../../core/tf.ts';

interface Slot extends ParameterSpec {
  readonly offset: number;
  readonly size: number;
}

export interface ParameterLayout {
  readonly slots: readonly Slot[];
  /** Length of the flat vector. */
  readonly size: number;
}

/** Slots in the order of the networks and of their parameters. */
export function layOutParameters(networks: readonly Pick<Network, 'parameters'>[]): ParameterLayout {
  const slots: Slot[] = [];
  let offset = 0;
  for (const spec of networks.flatMap((network) => network.parameters)) {
    const size = spec.shape.reduce((product, dim) => product * dim, 1);
    slots.push({ ...spec, offset, size });
    offset += size;
  }
  return { slots, size: offset };
}

/** One tensor per slot, cut from the flat vector inside the program. */
export function sliceParameters(layout: ParameterLayout, flat: Tensor): Tensor[] {
  return layout.slots.map(({ shape, offset, size }) =>
    tf.reshape(tf.slice(flat as Tensor1D, [offset], [size]), [...shape]),
  );
}

export function nameParameters(layout: ParameterLayout, tensors: readonly Tensor[]): Parameters {
  return Object.fromEntries(layout.slots.map(({ name }, i) => [name, tensors[i]]));
}

export function flattenParameters(
  layout: ParameterLayout,
  values: Readonly<Record<string, ParameterValues>>,
): Float32Array {
  const flat = new Float32Array(layout.size);
  for (const { name, offset, size } of layout.slots) {
    const data = values[name]?.data;
    if (data?.length !== size)
      throw new Error(`parameter ${name}: expected ${size} values, got ${data?.length ?? 'none'}`);
    flat.set(data, offset);
  }
  return flat;
}

/** The values of one network out of the flat vector. */
export function unflattenParameters(
  layout: ParameterLayout,
  flat: Float32Array,
  network: Pick<Network, 'parameters'>,
): Record<string, ParameterValues> {
  const wanted = new Set(network.parameters.map(({ name }) => name));
  return Object.fromEntries(
    layout.slots
      .filter(({ name }) => wanted.has(name))
      .map(({ name, shape, offset, size }) => [name, { shape, data: flat.slice(offset, offset + size) }]),
  );
}
