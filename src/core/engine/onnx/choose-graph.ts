/** Which of a model's graphs is fastest on this machine's CPU. */
import { nchwcBlockSize } from './nchwc-block.ts';

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
