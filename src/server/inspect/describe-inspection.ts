/** An inspection as plain data: what `dualscale inspect --json` prints and the job API answers. */

import type { InspectionView } from '../../core/upscale/inspection-view.ts';
import type { Inspection } from './inspect-picture.ts';

export function describeInspection(
  { estimate, kernel, consistencyError, dualError }: Inspection,
  model: { readonly id: string; readonly scale: number },
): InspectionView {
  const { size, data } = kernel;
  const rows = Array.from({ length: size }, (_, y) => [...data.subarray(y * size, (y + 1) * size)]);
  return {
    model: model.id,
    scale: model.scale,
    ...estimate,
    consistencyError,
    dualError: dualError ?? null,
    kernel: rows,
  };
}
