/** The ways of enlarging that the tables compare. */
import { join } from 'node:path';
import { compileServedModel } from '../../src/core/engine/served/served-model.ts';
import { loadModel } from '../../src/core/models/load.ts';
import type { PixelImage } from '../../src/core/pixels/image.ts';
import { imresize } from '../../src/core/pixels/imresize.ts';
import { chooseDegradation } from '../../src/core/upscale/degradation-hint.ts';
import { createUpscaler } from '../../src/core/upscale/upscale.ts';
import type { Upscaler } from '../../src/core/upscale/upscaler.ts';

/** Options that the scripts about blind models share, for `parseArgs`. */
export const BLIND_FLAGS = {
  models: { type: 'string', default: 'models' },
  blind: { type: 'string', default: 'edge-blind-x4' },
  'plain-models': { type: 'string', default: 'models' },
  plain: { type: 'string', default: 'edge-x4' },
} as const;

/** What an enlarger may use of how the picture was made. */
export interface Truth {
  readonly code: Float32Array;
  /** Another degradation's code, for the row that shows what a wrong one costs. */
  readonly wrongCode: Float32Array;
}

export interface Enlargers {
  readonly scale: number;
  readonly upscaler: Upscaler;
  readonly byName: ReadonlyMap<string, (lrImage: PixelImage, truth: Truth) => Promise<PixelImage>>;
  estimate(lrImage: PixelImage): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface EnlargerOptions {
  readonly models: string;
  readonly blind: string;
  /** Folder of models and id of the plain one. */
  readonly plainModels: string;
  readonly plain: string;
}

export async function openEnlargers({
  models,
  blind: blindId,
  plainModels,
  plain: plainId,
}: EnlargerOptions): Promise<Enlargers> {
  const blind = compileServedModel(await loadModel(join(models, blindId)));
  const plain = compileServedModel(await loadModel(join(plainModels, plainId)));
  const upscaler = await createUpscaler({ provider: 'cpu' });
  const { scale } = blind;
  const estimate = (lrImage: PixelImage) => upscaler.estimate(lrImage, blind);
  return {
    scale,
    upscaler,
    estimate,
    byName: new Map([
      ['bicubic', async (lrImage: PixelImage) => imresize(lrImage, { scale }, { roundBetweenPasses: false })],
      [plainId, (lrImage: PixelImage) => upscaler.upscale(lrImage, plain)],
      [`${blindId}, blind`, (lrImage: PixelImage) => upscaler.upscale(lrImage, blind)],
      [
        `${blindId}, told`,
        (lrImage: PixelImage, { code }: Truth) => upscaler.upscale(lrImage, blind, { vector: code }),
      ],
      [
        `${blindId}, told wrongly`,
        (lrImage: PixelImage, { wrongCode }: Truth) => upscaler.upscale(lrImage, blind, { vector: wrongCode }),
      ],
      [
        'auto',
        async (lrImage: PixelImage) => {
          const { model, vector } = await chooseDegradation({ model: plain, blind, estimate: () => estimate(lrImage) });
          return upscaler.upscale(lrImage, model, { vector });
        },
      ],
    ]),
    close: () => upscaler.close(),
  };
}
