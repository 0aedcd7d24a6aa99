/** Child process: sends how far networks, and a session with state, come out on WebGPU from where they come out on the CPU. */

import { VECTOR_WIDTH } from '../../../src/core/degradation/vector.ts';
import { createOnnxEngine } from '../../../src/core/engine/onnx/onnx-engine.ts';
import { createResidentSession } from '../../../src/core/engine/onnx/resident-session.ts';
import { enlargeProgram } from '../../../src/core/engine/served/programs.ts';
import { compileServedModel } from '../../../src/core/engine/served/served-model.ts';
import { compileProgram } from '../../../src/core/graph/compile.ts';
import { serializeOnnx } from '../../../src/core/graph/onnx-model.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import type { NetworkSpec } from '../../../src/core/network/spec.ts';
import { type Tensor, tf } from '../../../src/core/tf.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';
import { randomNumbers } from '../../helpers/onnx-fixtures.ts';

const SPECS: Readonly<Record<string, NetworkSpec>> = {
  'edge x2': { family: 'edge', scale: 2, featureCount: 8, innerWidths: [8] },
  // Widths that pruning leaves; the provider misreads images of 9 and 15 channels.
  'edge x3, pruned': { family: 'edge', scale: 3, featureCount: 12, innerWidths: [9, 15] },
  'edge x4': { family: 'edge', scale: 4, featureCount: 16, innerWidths: [16] },
  'drn x2': { family: 'drn', scale: 2, featureCount: 4, blockCount: 1 },
};

/** Uniform in 0..1. */
function uniform(seed: number): () => number {
  const random = randomNumbers(seed);
  return () => (random() + 1) / 2;
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0);

/** Largest difference of values that are about 1, at two sizes. */
async function compareNetworks(spec: NetworkSpec): Promise<number> {
  const network = createNetwork(spec);
  const program = enlargeProgram(network, initialiseParameters(network, uniform(3)));
  const [cpu, gpu] = [
    await createOnnxEngine().compile(program),
    await createOnnxEngine({ provider: 'webgpu' }).compile(program),
  ];
  const differences: number[] = [];
  for (const [height, width] of [
    [8, 8],
    [14, 10],
  ] as const) {
    const random = uniform(height);
    const data = Float32Array.from({ length: height * width * 3 }, random);
    const inputs = { image: { dtype: 'float32', shape: [1, height, width, 3], data } } as const;
    const [a, b] = [(await cpu.run(inputs))['enlarged'], (await gpu.run(inputs))['enlarged']];
    differences.push(a && b ? largest(a.data, b.data) : Number.NaN);
  }
  await cpu.release();
  await gpu.release();
  return Math.max(...differences);
}

/** Steps of 8 bits between what the two providers' workers make of a picture, with the pruned network. */
async function compareUpscalers(): Promise<number> {
  const spec = SPECS['edge x3, pruned'] as NetworkSpec;
  const parameters = initialiseParameters(createNetwork(spec), uniform(3));
  const model = compileServedModel({
    manifest: { id: 'pruned', spec, macs: { perLrPixel: 1 } },
    parameters,
    digest: 'pruned',
  });
  const random = uniform(7);
  const lrImage = { width: 14, height: 10, channels: 3, data: Uint8Array.from({ length: 420 }, () => random() * 255) };
  const pictures: Uint8Array[] = [];
  for (const provider of ['cpu', 'webgpu'] as const) {
    const upscaler = await createUpscaler({ provider, workers: 1 });
    pictures.push((await upscaler.upscale(lrImage as never, model)).data);
    await upscaler.close();
  }
  return largest(pictures[0] as Uint8Array, pictures[1] as Uint8Array);
}

/** How far apart the two providers' workers see a picture's degradation, and what they then make of it, in steps of 8 bits. */
async function compareBlind(): Promise<{ readonly code: number; readonly picture: number }> {
  const spec: NetworkSpec = {
    family: 'edge',
    scale: 2,
    featureCount: 8,
    innerWidths: [8],
    // Its first convolution takes six channels, which the provider misreads.
    code: { width: VECTOR_WIDTH, hidden: 8, estimator: [16, 8, 8] },
  };
  const model = compileServedModel({
    manifest: { id: 'blind', spec, macs: { perLrPixel: 1 } },
    parameters: initialiseParameters(createNetwork(spec), uniform(3)),
    digest: 'blind',
  });
  const random = uniform(8);
  const lrImage = { width: 24, height: 20, channels: 3, data: Uint8Array.from({ length: 1440 }, () => random() * 255) };
  const [codes, pictures]: [Float32Array[], Uint8Array[]] = [[], []];
  for (const provider of ['cpu', 'webgpu'] as const) {
    const upscaler = await createUpscaler({ provider, workers: 1 });
    codes.push(await upscaler.estimate(lrImage as never, model));
    pictures.push((await upscaler.upscale(lrImage as never, model)).data);
    await upscaler.close();
  }
  return {
    code: largest(codes[0] as Float32Array, codes[1] as Float32Array),
    picture: largest(pictures[0] as Uint8Array, pictures[1] as Uint8Array),
  };
}

async function sumOnDevice(): Promise<number[]> {
  const onnx = serializeOnnx(
    compileProgram({
      name: 'running-sum',
      inputs: { sum: { shape: [2] }, x: { shape: [2] } },
      run: ({ sum, x }) => ({ next: tf.add(sum as Tensor, x as Tensor), last: tf.neg(x as Tensor) }),
    }),
  );
  const vector = (...values: number[]) =>
    ({ dtype: 'float32', shape: [values.length], data: Float32Array.from(values) }) as const;
  const session = await createResidentSession(onnx, {
    provider: 'webgpu',
    nextOutputs: { sum: 'next' },
    state: { sum: vector(10, 20) },
  });
  for (const x of [1, 2, 3]) {
    await session.run({ x: vector(x, -x) });
    session.advance();
  }
  await session.run({ x: vector(100, 100) });
  const { sum } = await session.readState();
  await session.release();
  return [...(sum?.data ?? [])];
}

const networks: Record<string, number> = {};
for (const [name, spec] of Object.entries(SPECS)) networks[name] = await compareNetworks(spec);
process.send?.({ networks, sum: await sumOnDevice(), picture: await compareUpscalers(), blind: await compareBlind() });
process.disconnect?.();
