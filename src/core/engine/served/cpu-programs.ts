/** The forms of a served network's graph that only ONNX Runtime's CPU provider runs, and runs faster. */
import { withCellOutputs } from '../../graph/cell-outputs.ts';
import { blockConvolutions, isFullyBlocked } from '../../graph/nchwc.ts';
import { type OnnxGraph, serializeOnnx } from '../../graph/onnx-model.ts';
import type { OnnxServedModel } from './served-types.ts';

/** The blocks that the provider may have (`nchwcBlockSize`). */
const BLOCK_SIZES = [8, 16] as const;

/**
 * ONNX Runtime brings convolutions with constant weights into blocks by itself, but does not see then that a residual can be added in place:
 * a copy of every block's features, 3 to 6 % of the whole time. Told weights it does not bring into blocks at all, which makes them take 1.2 to 1.3 times as long.
 *
 * @param graph with output `enlarged`.
 * @param isTold whether its weights depend on a code. Otherwise blocks are only for networks whose convolutions all fit.
 */
export function compileForCpu(graph: OnnxGraph, isTold: boolean): Pick<OnnxServedModel, 'cpuOnnx' | 'blockedOnnx'> {
  const inCells = withCellOutputs(graph, 'enlarged');
  const [eight, sixteen] = BLOCK_SIZES.map((size) => blockConvolutions(inCells, size, { mayPad: true })) as [
    OnnxGraph,
    OnnxGraph,
  ];
  if (isTold || (isFullyBlocked(eight) && isFullyBlocked(sixteen))) {
    return { blockedOnnx: { 8: serializeOnnx(eight), 16: serializeOnnx(sixteen) } };
  }
  return inCells === graph ? {} : { cpuOnnx: serializeOnnx(inCells) };
}
