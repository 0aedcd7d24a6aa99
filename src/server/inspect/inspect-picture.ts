/** What a blind model makes of a picture: how it was blurred, what noise and compression it has, and whether its enlargement fits that. */

import { degrade } from '../../core/degradation/degrade.ts';
import { type BlurKernel, gaussianKernel, pointKernel } from '../../core/degradation/kernel.ts';
import { type DegradationEstimate, decodeDegradation } from '../../core/degradation/vector.ts';
import type { ServedModel } from '../../core/engine/served/served-types.ts';
import { crop } from '../../core/pixels/crop.ts';
import type { PixelImage } from '../../core/pixels/image.ts';
import { estimateArea } from '../../core/upscale/estimate-area.ts';
import type { Upscaler } from '../../core/upscale/upscaler.ts';

export interface Inspection {
  readonly code: Float32Array;
  readonly estimate: DegradationEstimate;
  /** In pixels of the enlarged picture. */
  readonly kernel: BlurKernel;
  /**
   * Mean of absolute 8-bit levels between the picture and its enlargement, blurred and reduced as estimated: what the
   * estimate and the network leave unexplained. Noise and compression are part of it.
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

/** Of the most detailed part of at most 256x256 pixels. @param lrImage RGB. Throws what `Upscaler.estimate` and `upscale` throw. */
export async function inspectPicture(
  lrImage: PixelImage,
  { upscaler, model, signal }: { upscaler: Upscaler; model: ServedModel; signal?: AbortSignal },
): Promise<Inspection> {
  const wanted = signal ? { signal } : {};
  const part = detailedPart(lrImage);
  const { width, height, data } = part;
  const code = await upscaler.estimate(part, model, wanted);
  const estimate = decodeDegradation(code, model.scale);
  const kernel = estimatedKernel(estimate);
  const window = { width, height, channels: 3 as const, data, top: 0, rows: height };
  const { difference, ...enlarged } = await upscaler.upscaleRows(window, model, {
    ...wanted,
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
