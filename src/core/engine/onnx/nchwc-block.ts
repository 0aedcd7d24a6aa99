/**
 * Which channel block this machine's ONNX Runtime uses for its blocked convolutions, found by
 * looking at one reordered value.
 */
import { NCHWC_DOMAIN } from '../../graph/blocked-graph.ts';
import { serializeOnnx } from '../../graph/onnx-model.ts';
import { createSession, sessionExecutable } from './onnx-session.ts';

const CHANNELS = 16;

/** Channels per block; 0: none. */
type NchwcBlock = 0 | 8 | 16;

async function probe(): Promise<NchwcBlock> {
  const value = (name: string) => ({ name, dtype: 'float32' as const, shape: [1, CHANNELS, 1, 2] });
  const onnx = serializeOnnx({
    name: 'nchwc-block',
    nodes: [{ op: 'ReorderInput', domain: NCHWC_DOMAIN, inputs: ['x'], outputs: ['y'] }],
    initializers: [],
    inputs: [value('x')],
    outputs: [value('y')],
  });
  // x[c, i] = 2c + i: in memory the second pixel of channel 0 stands where the first block ends.
  const x = {
    dtype: 'float32',
    shape: [1, CHANNELS, 1, 2],
    data: Float32Array.from({ length: CHANNELS * 2 }, (_, i) => i),
  } as const;
  try {
    const executable = sessionExecutable(await createSession(onnx));
    const { y } = await executable.run({ x });
    await executable.release();
    const block = y.data.indexOf(1);
    return block === 8 || block === 16 ? block : 0;
  } catch {
    // A build without these operators: convolutions stay in the ordinary layout.
    return 0;
  }
}

let found: Promise<NchwcBlock> | undefined;

/**
 * 16 with AVX-512, 8 with AVX2 or NEON, 0 where ONNX Runtime has no blocked convolutions. Probed
 * once per process.
 */
export function nchwcBlockSize(): Promise<NchwcBlock> {
  found ??= probe();
  return found;
}

/** `File`: the bytes of a graph, in whatever memory they lie. */
interface CpuGraphs<File> {
  readonly onnx: File;
  readonly cpuOnnx?: File;
  readonly blockedOnnx?: Readonly<Record<8 | 16, File>>;
}

export async function chooseGraph<File>({ onnx, cpuOnnx = onnx, blockedOnnx }: CpuGraphs<File>): Promise<File> {
  if (!blockedOnnx) return cpuOnnx;
  const block = await nchwcBlockSize();
  return block === 0 ? cpuOnnx : blockedOnnx[block];
}
