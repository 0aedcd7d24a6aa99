/** LR patches that are made from HR ones as a batch is cut, each degraded in its own way. */
import { type FloatImage, reflect, toPixels } from '../../../core/degradation/blur.ts';
import { jpegRoundTrip } from '../../../core/degradation/jpeg.ts';
import { addGaussianNoise } from '../../../core/degradation/noise.ts';
import { patchMargin, reducePatch } from '../../../core/degradation/patch.ts';
import { crop } from '../../../core/pixels/crop.ts';
import type { PixelImage } from '../../../core/pixels/image.ts';
import { createRandom } from '../../../core/random.ts';
import { isTransposed, unmirrorX, unmirrorY } from './batches.ts';
import { type DegradationRecipe, type DrawnDegradation, drawDegradation } from './degradation-recipe.ts';

/** Held-out photographs are degraded with numbers of their own, whatever the run's seed. */
const MIDDLE_SEED = 0x3a1d;

interface HrPlace {
  readonly image: PixelImage;
  /** Of the patch without its margin, in HR pixels. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly symmetry: number;
}

/** The patch in one of its eight symmetries with `margin` more pixels around, mirrored at the photograph's borders. */
function cutWithMargin(
  { image, x, y, size, symmetry }: HrPlace,
  margin: number,
  borrow: (length: number) => Float32Array,
): FloatImage {
  const { data, width, height } = image;
  const side = size + 2 * margin;
  const target = borrow(side * side * 3);
  const columns = Int32Array.from(
    { length: side },
    (_, i) => reflect(x + unmirrorX(symmetry, i - margin, size), width) * 3,
  );
  const rows = Int32Array.from(
    { length: side },
    (_, i) => reflect(y + unmirrorY(symmetry, i - margin, size), height) * width * 3,
  );
  const swaps = isTransposed(symmetry);
  let to = 0;
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++, to += 3) {
      const from = swaps ? columns[row] + rows[column] : columns[column] + rows[row];
      target[to] = data[from];
      target[to + 1] = data[from + 1];
      target[to + 2] = data[from + 2];
    }
  }
  return { width: side, height: side, channels: 3, data: target };
}

/** JPEG cuts a picture into blocks of 8 pixels, or 16 with its halved chroma, and a patch begins anywhere in them. */
const JPEG_CELL = 16;

/** Degrades patches one after the other, in memory that it keeps so that nothing has to be collected. */
export class PatchDegrader {
  #hrPatch = new Float32Array(0);
  #rows = new Float64Array(0);

  readonly #borrowHrPatch = (length: number): Float32Array => {
    if (this.#hrPatch.length < length) this.#hrPatch = new Float32Array(length);
    return this.#hrPatch.subarray(0, length);
  };

  readonly #borrowRows = (length: number): Float64Array => {
    if (this.#rows.length < length) this.#rows = new Float64Array(length);
    return this.#rows.subarray(0, length);
  };

  /** The LR patch, 8 bits. */
  degrade(place: HrPlace, drawn: DrawnDegradation, scale: number, random: () => number): PixelImage {
    const hrPatch = cutWithMargin(place, patchMargin(drawn.kernelSize, scale), this.#borrowHrPatch);
    const size = place.size / scale;
    const reduced = reducePatch(hrPatch, drawn.terms, { scale, size }, this.#borrowRows);
    const lrPatch = toPixels(addGaussianNoise(reduced, { sigma: drawn.noiseSigma }, random));
    if (drawn.jpegQuality === undefined) return lrPatch;
    const offsetX = Math.floor(random() * JPEG_CELL);
    const offsetY = Math.floor(random() * JPEG_CELL);
    return jpegRoundTrip(lrPatch, { quality: drawn.jpegQuality, offsetX, offsetY });
  }
}

/** The middle of a photograph and what its recipe's degradation makes of it: the same for the same photograph number. */
export function degradedMiddle(
  hrImage: PixelImage,
  degradation: DegradationRecipe,
  { scale, maxLrSide, number }: { readonly scale: number; readonly maxLrSide: number; readonly number: number },
): { readonly lrImage: PixelImage; readonly hrImage: PixelImage } {
  const random = createRandom(MIDDLE_SEED, number);
  const side = Math.min(maxLrSide, Math.floor(Math.min(hrImage.width, hrImage.height) / scale));
  const size = side * scale;
  const x = (hrImage.width - size) >> 1;
  const y = (hrImage.height - size) >> 1;
  const drawn = drawDegradation(degradation, scale, random);
  const lrImage = new PatchDegrader().degrade({ image: hrImage, x, y, size, symmetry: 0 }, drawn, scale, random);
  return { lrImage, hrImage: crop(hrImage, { x, y, width: size, height: size }) };
}
