/** PSNR on held-out photographs during a run. Benchmarks are never used for this. */
import type { Engine } from '../../../core/engine/engine.ts';
import { type ImagePair, measureQuality } from '../../../core/measure/quality.ts';
import type { Network } from '../../../core/network/network.ts';
import { crop } from '../../../core/pixels/crop.ts';
import type { PixelImage } from '../../../core/pixels/image.ts';
import type { ImagePyramid } from '../data/dataset.ts';
import type { DegradationRecipe } from '../data/degradation-recipe.ts';
import { degradedMiddle } from '../data/degrade-patch.ts';
import type { ParameterLayout } from '../step/parameter-layout.ts';
import { createEnlarger, toFloat, toPixels } from './primal-program.ts';

/** Largest LR side that is validated; larger photographs are cut to their middle. */
const MAX_LR_SIDE = 120;
/** So many photographs at most: validation must stay a small part of the run. */
const MAX_IMAGES = 16;

function middle(pyramid: ImagePyramid, scale: number): ImagePair {
  const full = pyramid.get(1) as PixelImage;
  const [width, height] = [Math.min(full.width, MAX_LR_SIDE), Math.min(full.height, MAX_LR_SIDE)];
  const [x, y] = [(full.width - width) >> 1, (full.height - height) >> 1];
  const hrImage = pyramid.get(scale) as PixelImage;
  return {
    lrImage: crop(full, { x, y, width, height }),
    hrImage: crop(hrImage, { x: x * scale, y: y * scale, width: width * scale, height: height * scale }),
  };
}

/**
 * Mean PSNR in dB (float Y, border = scale) of a parameter vector over the held-out photographs, each degraded in its own
 * way where the run degrades; the network then uses its own estimate.
 */
export async function createValidator(
  engine: Engine,
  network: Network,
  layout: ParameterLayout,
  pyramids: readonly ImagePyramid[],
  degradation?: DegradationRecipe,
) {
  const { scale } = network.spec;
  const { enlarge } = await createEnlarger(engine, network, layout);
  const pairs = pyramids.slice(0, MAX_IMAGES).map((pyramid, number) => {
    if (!degradation) return middle(pyramid, scale);
    return degradedMiddle(pyramid.get(scale) as PixelImage, degradation, { scale, maxLrSide: MAX_LR_SIDE, number });
  });
  return async (parameters: Float32Array): Promise<number> => {
    const { psnrDb } = await measureQuality(pairs, {
      scale,
      metrics: ['psnrDb'],
      enlarge: async (lrImage) => toPixels(await enlarge(parameters, toFloat(lrImage)), lrImage, scale),
    });
    return psnrDb;
  };
}
