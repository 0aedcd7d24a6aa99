/** What a blind model sees in an encoded picture: how it was blurred, its noise and compression. */

import { decode } from '../../core/codec/decode.ts';
import type { ImageLimits } from '../../core/codec/limits.ts';
import type { InspectionView } from '../../core/upscale/inspection-view.ts';
import type { Upscaler } from '../../core/upscale/upscaler.ts';
import type { ModelTable } from '../models/model-table.ts';
import type { Admission } from '../service/admission/admission.ts';
import { workCost } from '../service/work-cost.ts';
import { describeInspection } from './describe-inspection.ts';
import { inspectPicture } from './inspect-picture.ts';

export interface InspectOptions {
  /** Which model looks: the blind one that serves beside this scale's plain one. @default the largest scale that has one */
  readonly scale?: number;
  readonly signal?: AbortSignal;
}

interface InspectorParts {
  readonly table: Pick<ModelTable, 'pairedBlindModels' | 'named'>;
  readonly upscaler: Upscaler;
  readonly admission: Pick<Admission, 'run'>;
  readonly limits: ImageLimits;
}

/** At most so many pixels of a picture are looked at. */
const MAX_PIXELS = 256 ** 2;

/** Gives undefined where no model can tell. Throws as decoding does, DS_ABORTED, DS_BUSY, DS_ENGINE. */
export type Inspector = (bytes: Uint8Array, options?: InspectOptions) => Promise<InspectionView | undefined>;

export function createInspector({ table, upscaler, admission, limits }: InspectorParts): Inspector {
  return async (bytes, { scale, signal } = {}) => {
    const { pairedBlindModels } = table;
    const manifest = pairedBlindModels.get(scale ?? Math.max(...pairedBlindModels.keys()));
    const model = await (manifest && table.named(manifest.id))?.load();
    if (!model) return undefined;
    const wanted = signal ? { signal } : {};
    return admission.run({ cost: workCost(model, MAX_PIXELS), ...wanted }, async () => {
      const { rgb } = await decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), limits);
      return describeInspection(await inspectPicture(rgb, { upscaler, model, ...wanted }), model);
    });
  };
}
