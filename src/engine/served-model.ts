/** From a stored model to what the tile workers run. */
import { compileProgram } from '../graph/compile.ts';
import { serializeOnnx } from '../graph/onnx-model.ts';
import type { Program } from '../graph/program.ts';
import type { ParameterValues } from '../network/create-network.ts';
import { createNetwork } from '../network/create-network.ts';
import type { Network, NetworkSpec } from '../network/network.ts';
import type { Tensor4D } from '../tf.ts';
import type { EngineName, ServedModel } from './engine.ts';

type Values = Readonly<Record<string, ParameterValues>>;

/** What is needed of a stored model; `StoredModel` of model-store fits. */
interface ModelSource {
  readonly manifest: {
    readonly id: string;
    readonly spec: NetworkSpec;
    readonly macs: { readonly perLrPixel: number };
  };
  readonly parameters: Values;
  readonly digest: string;
}

/** Any size that is not special: the compiler proves that the graph does not depend on it. */
const TRACED_SIDE = 24;

/** Sizes of the image a graph is compiled for; without them any size is accepted at run time. */
export interface FixedSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Input `image` [1, H, W, 3] in 0..1, output `enlarged` [1, s*H, s*W, 3] in 0..1, not clamped; the weights are constants.
 */
export function enlargeProgram(network: Network, parameters: Values, size?: FixedSize): Program {
  const { width, height } = size ?? { width: TRACED_SIDE, height: TRACED_SIDE };
  const constants = Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [name, { dtype: 'float32' as const, shape, data }]),
  );
  return {
    name: network.spec.family,
    inputs: { image: { shape: [1, height, width, 3], ...(size ? {} : { dynamicAxes: [1, 2] }) } },
    constants,
    run: (inputs) => ({ enlarged: network.forward(inputs, inputs['image'] as Tensor4D).at(-1) as Tensor4D }),
  };
}

const compileForWebgpu = (program: Program) => serializeOnnx(compileProgram(program, { target: 'webgpu' }));

/** For `onnx` this compiles, which takes milliseconds for `edge`; for `tfjs` the workers get spec and parameters as they are. */
export function compileServedModel(
  { manifest, parameters, digest }: ModelSource,
  engine: EngineName = 'onnx',
): ServedModel {
  const { id, spec, macs } = manifest;
  const network = createNetwork(spec);
  const facts = { id, digest, scale: spec.scale, halo: network.halo, macsPerLrPixel: macs.perLrPixel };
  if (engine === 'tfjs') return { ...facts, engine, spec, parameters };
  const program = enlargeProgram(network, parameters);
  const [onnx, webgpuOnnx] = [serializeOnnx(compileProgram(program)), compileForWebgpu(program)];
  return { ...facts, engine, onnx, ...(Buffer.compare(onnx, webgpuOnnx) === 0 ? {} : { webgpuOnnx }) };
}
