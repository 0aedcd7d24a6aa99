/** Measures an enlarger the way super-resolution papers do. */
import { readRgbFile } from '../codec/decode.ts';
import { badOption, DualscaleError } from '../errors.ts';
import { crop, cropToMultiple } from '../pixels/crop.ts';
import type { PixelImage } from '../pixels/image.ts';
import { imresize } from '../pixels/imresize.ts';
import { type BenchmarkPair, listHrImages, listPairs } from './benchmark-folder.ts';
import { type Enlarge, measureQuality } from './quality.ts';

export interface ImageScore {
  /** The HR file's name without its extension. */
  readonly name: string;
  /** Size of the HR image that was compared, in pixels. */
  readonly width: number;
  readonly height: number;
  /** `file`: from `LR_bicubic/X<scale>/`. `imresize`: made from the HR image, bit-exact with MATLAB's. `degraded`: by `degrade`. */
  readonly lrSource: 'file' | 'imresize' | 'degraded';
  /** On unrounded BT.601 Y, `scale` pixels left out on every side; `Infinity` for equal images. */
  readonly psnrDb: number;
  /** On the same pixels. */
  readonly ssim: number;
}

export interface Evaluation {
  readonly scale: number;
  readonly images: readonly ImageScore[];
  /** Mean of the images' figures, each image counting once. */
  readonly psnrDb: number;
  readonly ssim: number;
}

export interface EvaluateOptions {
  /** Folder with `HR/` and, optionally, `LR_bicubic/X<scale>/`. */
  readonly dataDir: string;
  /** 2, 3, 4 or 8. */
  readonly scale: number;
  readonly enlarge: Enlarge;
  /**
   * Makes the LR image from an HR image whose sides are multiples of the scale; the folder's own LR images are then not
   * used, and it may be any folder of HR images. @param index of the image, from 0
   */
  readonly degrade?: (hrImage: PixelImage, index: number) => Promise<PixelImage>;
  /** Called after each image, for a progress display. */
  readonly onImage?: (score: ImageScore, done: number, total: number) => void;
}

/**
 * PSNR and SSIM of every image of a benchmark folder. HR images are cut to the LR size times `scale`.
 * Throws DS_BAD_OPTION for a bad scale, DS_BAD_DATA when the folder or the sizes do not fit, or `enlarge` answers with a
 * wrong size; errors of `enlarge` pass through.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { dataDir, scale, enlarge, degrade, onImage } = options;
  if (!Number.isInteger(scale) || scale < 2) throw badOption('scale', 'an integer from 2', scale);
  const pairs = await (degrade ? listHrImages(dataDir) : listPairs(dataDir, scale));
  const images: ImageScore[] = [];
  async function* read() {
    for (const [index, pair] of pairs.entries()) {
      const made = degrade && ((hrImage: PixelImage) => degrade(hrImage, index));
      const lrSource: ImageScore['lrSource'] = degrade ? 'degraded' : pair.lrPath ? 'file' : 'imresize';
      yield { name: pair.name, lrSource, ...(await readPair(pair, scale, made)) };
    }
  }
  const means = await measureQuality(read(), {
    scale,
    enlarge,
    metrics: ['psnrDb', 'ssim'],
    onImage(scores, { name, lrSource, hrImage: { width, height } }) {
      const score = { name, width, height, lrSource, ...scores };
      images.push(score);
      onImage?.(score, images.length, pairs.length);
    },
  });
  return { scale, images, psnrDb: means.psnrDb, ssim: means.ssim };
}

type MakeLr = (hrImage: PixelImage) => Promise<PixelImage>;

async function readPair(
  { hrPath, lrPath }: BenchmarkPair,
  scale: number,
  degrade?: MakeLr,
): Promise<{ readonly lrImage: PixelImage; readonly hrImage: PixelImage }> {
  const whole = await readRgbFile(hrPath);
  // 11 is the window of SSIM, which has to fit between the borders.
  const least = 11 + 2 * scale;
  if (Math.min(whole.width, whole.height) - (scale - 1) < least) {
    throw new DualscaleError(
      'DS_BAD_DATA',
      `${hrPath}: expected sides of at least ${least + scale - 1}, got ${whole.width}x${whole.height}`,
    );
  }
  if (lrPath === undefined) {
    const hrImage = cropToMultiple(whole, scale);
    return { lrImage: degrade ? await degrade(hrImage) : imresize(hrImage, { scale: 1 / scale }), hrImage };
  }
  const lrImage = await readRgbFile(lrPath);
  const [width, height] = [lrImage.width * scale, lrImage.height * scale];
  if (lrImage.width !== Math.floor(whole.width / scale) || lrImage.height !== Math.floor(whole.height / scale)) {
    throw new DualscaleError(
      'DS_BAD_DATA',
      `${lrPath}: ${lrImage.width}x${lrImage.height} is not 1/${scale} of ${whole.width}x${whole.height}`,
    );
  }
  return { lrImage, hrImage: crop(whole, { x: 0, y: 0, width, height }) };
}
