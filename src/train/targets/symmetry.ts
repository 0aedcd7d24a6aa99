/** The eight symmetries of the square, as `copyPatch` numbers them: bit 0 mirrors x, bit 1 mirrors y, bit 2 transposes. */
import type { FloatPicture } from '../run/primal-program.ts';

export const SYMMETRIES: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];

interface Size {
  readonly width: number;
  readonly height: number;
}

const sizeAfter = ({ width, height }: Size, symmetry: number): Size =>
  symmetry & 4 ? { width: height, height: width } : { width, height };

/** Calls with the first sample of each pixel of the turned picture, and of the pixel it was before, in a picture of `size`. */
function forEachPixel(size: Size, symmetry: number, visit: (turned: number, from: number) => void): void {
  const { width, height } = sizeAfter(size, symmetry);
  for (let row = 0, turned = 0; row < height; row++) {
    for (let column = 0; column < width; column++, turned += 3) {
      const [u, v] = symmetry & 4 ? [row, column] : [column, row];
      const x = symmetry & 1 ? size.width - 1 - u : u;
      const y = symmetry & 2 ? size.height - 1 - v : v;
      visit(turned, (y * size.width + x) * 3);
    }
  }
}

export function turn(picture: FloatPicture, symmetry: number): FloatPicture {
  if (symmetry === 0) return picture;
  const data = new Float32Array(picture.data.length);
  forEachPixel(picture, symmetry, (turned, from) => {
    data[turned] = picture.data[from];
    data[turned + 1] = picture.data[from + 1];
    data[turned + 2] = picture.data[from + 2];
  });
  return { ...sizeAfter(picture, symmetry), data };
}

/** Turns `data` back and adds it to `sum`, which has the size from before it was turned. */
export function addTurnedBack(sum: FloatPicture, data: Float32Array, symmetry: number): void {
  forEachPixel(sum, symmetry, (turned, from) => {
    sum.data[from] += data[turned];
    sum.data[from + 1] += data[turned + 1];
    sum.data[from + 2] += data[turned + 2];
  });
}
