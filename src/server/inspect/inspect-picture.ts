/**
 * What a blind model makes of a picture: how it was blurred, what noise and compression it has, and
 * whether its enlargement fits that.
 */
import { decode } from '../../core/codec/decode.ts';
import type { ImageLimits } from '../../core/codec/limits.ts';
import { degrade } from '../../core/degradation/degrade.ts';
import { type BlurKernel, gaussianKernel, pointKernel } from '../../core/degradation/kernel.ts';
import { type DegradationEstimate, decodeDegradation } from '../../core/degradation/vector.ts';
import type { ServedModel } from '../../core/engine/served/served-types.ts';
import { crop } from '../../core/pixels/crop.ts';
import type { PixelImage } from '../../core/pixels/image.ts';
import { estimateArea } from '../../core/upscale/estimate-area.ts';
import type { InspectionView } from '../../core/upscale/inspection-view.ts';
import type { Upscaler } from '../../core/upscale/upscaler.ts';
import type { ModelRegistry } from '../models/model-registry.ts';
import { type Admission, workCost } from '../service/admission/admission.ts';

export interface Inspection {
  readonly code: Float32Array;
  readonly estimate: DegradationEstimate;
  /** In pixels of the enlarged picture. */
  readonly kernel: BlurKernel;
  /**
   * Mean of absolute 8-bit levels between the picture and its enlargement, blurred and reduced as
   * estimated: what the estimate and the network leave unexplained. Noise and compression are part
   * of it.
   */
  readonly consistencyError: number;
  /** The same by the model's dual network, where it has one. */
  readonly dualError?: number;
}

/** The blur of an estimate, in HR pixels. */
function estimatedKernel({ sigmaX, sigmaY, angle }: DegradationEstimate): BlurKernel {
  if (sigmaX < 0.2) return pointKernel(5);
  const size = Math.min(101, 2 * Math.ceil(3 * sigmaX) + 1);
  return gaussianKernel({ sigmaX, sigmaY, angle, size });
}

/** What the estimate is made from: enough to enlarge as well, however large the picture is. */
function detailedPart(lrImage: PixelImage): PixelImage {
  const { width, height, data } = lrImage;
  const pixels = new SharedArrayBuffer(data.length);
  new Uint8Array(pixels).set(data);
  return crop(lrImage, estimateArea({ width, height, pixels }));
}

/**
 * Of the most detailed part of at most 256x256 pixels. @param lrImage RGB. Throws what
 * `Upscaler.estimate` and `upscale` throw.
 */
export async function inspectPicture(
  lrImage: PixelImage,
  { upscaler, model, signal }: { upscaler: Upscaler; model: ServedModel; signal?: AbortSignal },
): Promise<Inspection> {
  const part = detailedPart(lrImage);
  const { width, height, data } = part;
  const code = await upscaler.estimate(part, model, { signal });
  const estimate = decodeDegradation(code, model.scale);
  const kernel = estimatedKernel(estimate);
  const window = { width, height, channels: 3 as const, data, top: 0, rows: height };
  const { difference, ...enlarged } = await upscaler.upscaleRows(window, model, {
    signal,
    vector: code,
    checkShare: 1,
  });
  const srImage = { ...enlarged, data: enlarged.data as Uint8Array };
  const again = await degrade(srImage, { blur: kernel }, { scale: model.scale, random: () => 0.5 });
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += Math.abs(data[i] - again.data[i]);
  return {
    code,
    estimate,
    kernel,
    consistencyError: sum / data.length,
    dualError: difference.count > 0 ? difference.sum / difference.count : undefined,
  };
}

/** An inspection as plain data: what `dualscale inspect --json` prints and the job API answers. */
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

export interface InspectOptions {
  /**
   * Which model looks: the blind one that is paired with this scale's plain one. @default the
   * largest scale that has one
   */
  readonly scale?: number;
  readonly signal?: AbortSignal;
}

interface InspectDeps {
  readonly models: ModelRegistry;
  readonly upscaler: Upscaler;
  readonly admission: Admission;
  readonly limits: ImageLimits;
}

/** At most so many pixels of a picture are looked at. */
const MAX_PIXELS = 256 ** 2;

/**
 * Of an encoded picture; undefined where no model can estimate it. Throws as decoding does,
 * DS_ABORTED, DS_BUSY, DS_ENGINE.
 */
export async function inspectBytes(
  bytes: Uint8Array,
  { scale, signal }: InspectOptions,
  { models, upscaler, admission, limits }: InspectDeps,
): Promise<InspectionView | undefined> {
  const { pairedBlindModels } = models;
  const manifest = pairedBlindModels.get(scale ?? Math.max(...pairedBlindModels.keys()));
  const model = await (manifest && models.named(manifest.id))?.load();
  if (!model) return undefined;
  return admission.run({ cost: workCost(model, MAX_PIXELS), signal }, async () => {
    const { rgb } = await decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), limits);
    return describeInspection(await inspectPicture(rgb, { upscaler, model, signal }), model);
  });
}
