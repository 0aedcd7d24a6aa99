/**
 * Child process of `provider.ts`: runs a small network on each provider named on the command line
 * and on the CPU, and reports.
 */
import { performance } from 'node:perf_hooks';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type OnnxInitializer, type OnnxNode, serializeOnnx } from '../../graph/onnx-model.ts';
import type { Provider } from '../runtime.ts';

export type ProbeReport =
  | { readonly provider: Provider; readonly milliseconds: number; readonly cpuMilliseconds: number }
  | { readonly provider: Provider; readonly error: string };

/**
 * Side of the image whose time counts, and of the one that tells whether it is worth waiting for
 * that.
 */
const SIZE = 128;
const FIRST_SIZE = 32;
const WIDTH = 32;
const LAYERS = 6;
/** Half-precision arithmetic, which a GPU may use for float32, stays well below. */
const MAX_DIFFERENCE = 0.02;

/**
 * A chain of 3x3 convolutions as in the networks that are served, with weights that keep the values
 * near 1.
 */
function buildNetwork(): Uint8Array {
  const nodes: OnnxNode[] = [
    { op: 'Transpose', inputs: ['image'], outputs: ['x0'], attributes: { perm: { ints: [0, 3, 1, 2] } } },
  ];
  const initializers: OnnxInitializer[] = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    const inChannels = layer === 0 ? 3 : WIDTH;
    const weight = Float32Array.from(
      { length: WIDTH * inChannels * 9 },
      (_, i) => Math.sin(i * 12.9898) * Math.sqrt(4 / (inChannels * 9)),
    );
    initializers.push({
      name: `w${layer}`,
      dtype: 'float32',
      shape: [WIDTH, inChannels, 3, 3],
      bytes: new Uint8Array(weight.buffer),
    });
    nodes.push(
      {
        op: 'Conv',
        inputs: [`x${layer}`, `w${layer}`],
        outputs: [`c${layer}`],
        attributes: { pads: { ints: [1, 1, 1, 1] } },
      },
      { op: 'Relu', inputs: [`c${layer}`], outputs: [`x${layer + 1}`] },
    );
  }
  nodes.push({
    op: 'Transpose',
    inputs: [`x${LAYERS}`],
    outputs: ['features'],
    attributes: { perm: { ints: [0, 2, 3, 1] } },
  });
  return serializeOnnx({
    name: 'probe',
    nodes,
    initializers,
    inputs: [{ name: 'image', dtype: 'float32', shape: [1, 'height', 'width', 3] }],
    outputs: [{ name: 'features', dtype: 'float32', shape: [1, 'height', 'width', WIDTH] }],
  });
}

interface Measured {
  readonly values: Float32Array;
  readonly milliseconds: number;
}

/**
 * `budgetMs`: a provider that needs longer for the small image is reported with that time and not
 * run on the large one.
 */
async function measure(onnx: Uint8Array, provider: Provider, size: number, budgetMs: number): Promise<Measured> {
  const session = await InferenceSession.create(onnx, { executionProviders: [provider], logSeverityLevel: 4 });
  const bestOf = async (side: number, runs: number): Promise<Measured> => {
    const image = Float32Array.from({ length: side * side * 3 }, (_, i) => ((i * 37) % 256) / 255);
    let milliseconds = Number.POSITIVE_INFINITY;
    let values = new Float32Array();
    // The first run compiles shaders and is not counted.
    for (let run = 0; run <= runs; run++) {
      const start = performance.now();
      const { features } = await session.run({ image: new Tensor('float32', image, [1, side, side, 3]) });
      if (run > 0) milliseconds = Math.min(milliseconds, performance.now() - start);
      values = features?.data as Float32Array<ArrayBuffer>;
    }
    return { values, milliseconds };
  };
  const first = await bestOf(FIRST_SIZE, 1);
  const measured = size === FIRST_SIZE || first.milliseconds > budgetMs ? first : await bestOf(size, 5);
  await session.release();
  return measured;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  for (const [i, value] of a.entries()) {
    const difference = Math.abs(value - (b[i] ?? Number.NaN));
    // Written so that NaN counts as different.
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

async function probeProvider(onnx: Uint8Array, provider: Provider): Promise<ProbeReport> {
  try {
    const cpu = await measure(onnx, 'cpu', SIZE, Number.POSITIVE_INFINITY);
    const { values, milliseconds } = await measure(onnx, provider, SIZE, cpu.milliseconds);
    const reference =
      values.length === cpu.values.length ? cpu : await measure(onnx, 'cpu', FIRST_SIZE, Number.POSITIVE_INFINITY);
    const difference = largestDifference(values, reference.values);
    if (!(difference <= MAX_DIFFERENCE))
      return { provider, error: `its result differs from the CPU's by ${difference}` };
    return { provider, milliseconds, cpuMilliseconds: cpu.milliseconds };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // ONNX Runtime puts the C++ condition that failed before the reason.
    return { provider, error: message.replace(/^.* was false\. /s, '').trim() };
  }
}

const onnx = buildNetwork();
for (const provider of process.argv.slice(2) as Provider[]) process.send?.(await probeProvider(onnx, provider));
process.disconnect?.();
