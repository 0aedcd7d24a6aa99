/** Between TF.js tensors (NHWC, HWIO) and the loops of torch-reference.ts (CHW, OIHW). */
import { initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { Network } from '../../../src/core/network/network.ts';
import type { ConvLayer } from '../../../src/core/network/spec.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/core/tf.ts';
import { type Plane, plane, type TorchConv } from './torch-reference.ts';

/** Deterministic uniform numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Values = ReturnType<typeof initialiseParameters>;

function toTensors(values: Values): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(values).map(([name, { data, shape }]) => [name, tf.tensor(data, [...shape], 'float32')]),
  );
}

export function randomParameters(
  network: Pick<Network, 'parameters'>,
  seed = 1,
): { values: Values; tensors: Record<string, Tensor> } {
  const values = initialiseParameters(network, seeded(seed));
  return { values, tensors: toTensors(values) };
}

export function randomPlane(channels: number, height: number, width: number, seed = 2): Plane {
  const random = seeded(seed);
  return plane(channels, height, width, () => Math.fround(random()));
}

export function toTensor({ channels, height, width, data }: Plane): Tensor4D {
  return tf.transpose(tf.tensor4d(Float32Array.from(data), [1, channels, height, width]), [0, 2, 3, 1]);
}

/** The one image of an NHWC tensor. */
export function toPlane(tensor: Tensor4D): Plane {
  const [, height, width, channels] = tensor.shape;
  const data = tensor.dataSync();
  return plane(channels, height, width, (c, y, x) => data[(y * width + x) * channels + c] as number);
}

/** The weight and bias of `layer` in torch's layout. */
export function torchConv(values: Values, { name, kernel, inChannels, outChannels }: ConvLayer): TorchConv {
  const weight = values[`${name}.weight`]?.data as Float32Array;
  const range = (length: number) => Array.from({ length }, (_, i) => i);
  const bias = values[`${name}.bias`];
  return {
    weight: range(outChannels).map((o) =>
      range(inChannels).map((i) =>
        range(kernel).map((y) =>
          range(kernel).map((x) => weight[((y * kernel + x) * inChannels + i) * outChannels + o] as number),
        ),
      ),
    ),
    bias: bias && [...bias.data],
  };
}

export function largestDifference(a: Plane, b: Plane): number {
  if (a.channels !== b.channels || a.height !== b.height || a.width !== b.width) {
    throw new Error(`sizes differ: ${[a.channels, a.height, a.width]} and ${[b.channels, b.height, b.width]}`);
  }
  return a.data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b.data[i] as number))), 0);
}
