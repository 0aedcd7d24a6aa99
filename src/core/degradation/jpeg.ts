/**
 * What JPEG compression does to pixels, computed without a codec: baseline 8x8 DCT with the tables
 * of ITU-T T.81 annex K, scaled as libjpeg does, chroma halved both ways (4:2:0), which is what
 * cameras' small pictures and CDNs mostly have. Training uses it because it is fast on small
 * patches, and the same on every machine. It agrees with libjpeg up to rounding.
 */
import { badOption } from '../errors.ts';
import type { PixelImage } from '../pixels/image.ts';

const LUMA = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99,
];

/** libjpeg's factor on the tables, 1 at quality 50, 0 at 100. */
export function quantScale(quality: number): number {
  if (!(Number.isInteger(quality) && quality >= 1 && quality <= 100)) {
    throw badOption('quality', 'an integer from 1 to 100', quality);
  }
  return quality < 50 ? 50 / quality : 2 - quality / 50;
}

function quantTable(base: readonly number[], quality: number): Float32Array {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return Float32Array.from(base, (value) => Math.min(255, Math.max(1, Math.floor((value * percent + 50) / 100))));
}

/** `DCT[k * 8 + n]`, orthonormal. */
const DCT = Float32Array.from({ length: 64 }, (_, i) => {
  const [k, n] = [i >> 3, i & 7];
  return Math.cos(((2 * n + 1) * k * Math.PI) / 16) * (k === 0 ? Math.sqrt(1 / 8) : 0.5);
});

/** Its transpose: the inverse. */
const INVERSE_DCT = DCT.map((_, i) => DCT[(i & 7) * 8 + (i >> 3)]);

const scratch = new Float32Array(64);

/**
 * The eight columns of `block` by a matrix [8, 8]; the result is transposed, so that twice does
 * rows as well.
 */
function transformColumns(block: Float32Array, matrix: Float32Array): void {
  for (let i = 0; i < 64; i++) {
    const [column, k] = [i >> 3, (i & 7) * 8];
    let sum = 0;
    for (let n = 0; n < 8; n++) sum += matrix[k + n] * block[n * 8 + column];
    scratch[i] = sum;
  }
  block.set(scratch);
}

function transform(block: Float32Array, matrix: Float32Array): void {
  transformColumns(block, matrix);
  transformColumns(block, matrix);
}

function quantiseBlock(block: Float32Array, table: Float32Array): void {
  transform(block, DCT);
  for (let i = 0; i < 64; i++) {
    const steps = block[i] / table[i];
    block[i] = Math.sign(steps) * Math.floor(Math.abs(steps) + 0.5) * table[i];
  }
  transform(block, INVERSE_DCT);
}

interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/**
 * Quantises every block of a plane whose sides are multiples of 8, in place; the result is rounded
 * and clamped.
 */
function quantisePlane({ width, height, data }: Plane, table: Float32Array): void {
  const block = new Float32Array(64);
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      for (let i = 0; i < 64; i++) block[i] = data[(top + (i >> 3)) * width + left + (i & 7)] - 128;
      quantiseBlock(block, table);
      for (let i = 0; i < 64; i++) {
        const value = Math.floor(block[i] + 128.5);
        data[(top + (i >> 3)) * width + left + (i & 7)] = Math.min(255, Math.max(0, value));
      }
    }
  }
}

function halve({ width, height, data }: Plane): Plane {
  const half = { width: width / 2, height: height / 2, data: new Float32Array((width * height) / 4) };
  for (let y = 0; y < half.height; y++) {
    for (let x = 0; x < half.width; x++) {
      const at = 2 * y * width + 2 * x;
      const sum = data[at] + data[at + 1] + data[at + width] + data[at + width + 1];
      // libjpeg adds 1 and 2 in turn, so that halves do not all go the same way.
      half.data[y * half.width + x] = Math.floor((sum + 1 + (x & 1)) / 4);
    }
  }
  return half;
}

/**
 * libjpeg's "fancy" doubling: each sample is 3/4 of the nearer and 1/4 of the farther one, both
 * ways.
 */
function double({ width, height, data }: Plane): Plane {
  const full = { width: width * 2, height: height * 2, data: new Float32Array(width * height * 4) };
  const near = (position: number, size: number): [number, number] => {
    const nearer = position >> 1;
    const farther = nearer + (position & 1 ? 1 : -1);
    return [nearer, Math.min(size - 1, Math.max(0, farther))];
  };
  for (let y = 0; y < full.height; y++) {
    const [row, otherRow] = near(y, height);
    for (let x = 0; x < full.width; x++) {
      const [column, otherColumn] = near(x, width);
      const own = 3 * data[row * width + column] + data[otherRow * width + column];
      const other = 3 * data[row * width + otherColumn] + data[otherRow * width + otherColumn];
      full.data[y * full.width + x] = Math.floor((3 * own + other + 8 - (x & 1)) / 16);
    }
  }
  return full;
}

export interface JpegOptions {
  /** 1 to 100, libjpeg's. */
  readonly quality: number;
  /**
   * Columns and rows, 0 to 15, that the picture's first pixel is inside a block: patches of a
   * larger picture begin anywhere. @default 0
   */
  readonly offsetX?: number;
  readonly offsetY?: number;
}

const CELL = 16;

/** An RGB picture after compression and decompression. Throws DS_BAD_OPTION. */
export function jpegRoundTrip(image: PixelImage, { quality, offsetX = 0, offsetY = 0 }: JpegOptions): PixelImage {
  quantScale(quality);
  if (image.channels !== 3) throw badOption('image', 'an RGB picture', `one of ${image.channels} channels`);
  const width = Math.ceil((image.width + offsetX) / CELL) * CELL;
  const height = Math.ceil((image.height + offsetY) / CELL) * CELL;
  const [y, cb, cr] = [0, 1, 2].map(() => ({ width, height, data: new Float32Array(width * height) }));
  for (let row = 0; row < height; row++) {
    const sourceRow = Math.min(image.height - 1, Math.max(0, row - offsetY));
    for (let column = 0; column < width; column++) {
      const sourceColumn = Math.min(image.width - 1, Math.max(0, column - offsetX));
      const from = (sourceRow * image.width + sourceColumn) * 3;
      const [r, g, b] = [image.data[from], image.data[from + 1], image.data[from + 2]];
      const to = row * width + column;
      y.data[to] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
      cb.data[to] = Math.round(128 - 0.168735892 * r - 0.331264108 * g + 0.5 * b);
      cr.data[to] = Math.round(128 + 0.5 * r - 0.418687589 * g - 0.081312411 * b);
    }
  }
  quantisePlane(y, quantTable(LUMA, quality));
  const chromaTable = quantTable(CHROMA, quality);
  const [blue, red] = [cb, cr].map((plane) => {
    const half = halve(plane);
    quantisePlane(half, chromaTable);
    return double(half);
  });
  return joinPlanes(image, { y, blue, red, offsetX, offsetY });
}

interface Planes {
  readonly y: Plane;
  readonly blue: Plane;
  readonly red: Plane;
  readonly offsetX: number;
  readonly offsetY: number;
}

function joinPlanes({ width, height }: PixelImage, { y, blue, red, offsetX, offsetY }: Planes): PixelImage {
  const data = new Uint8ClampedArray(width * height * 3);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (row + offsetY) * y.width + column + offsetX;
      const [luma, cb, cr] = [y.data[from], blue.data[from] - 128, red.data[from] - 128];
      const to = (row * width + column) * 3;
      data[to] = luma + 1.402 * cr;
      data[to + 1] = luma - 0.344136286 * cb - 0.714136286 * cr;
      data[to + 2] = luma + 1.772 * cb;
    }
  }
  return { width, height, channels: 3, data: new Uint8Array(data.buffer) };
}
