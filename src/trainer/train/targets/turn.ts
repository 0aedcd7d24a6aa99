/** Pictures turned by one of the eight symmetries of the square, and back. */
import { isTransposed, unmirrorX, unmirrorY } from '../data/symmetry.ts';
import type { FloatPicture } from '../run/primal-program.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

const sizeAfter = ({ width, height }: Size, symmetry: number): Size =>
  isTransposed(symmetry) ? { width: height, height: width } : { width, height };

/** Calls with the first sample of each pixel of the turned picture, and of the pixel it was before, in a picture of `size`. */
function forEachPixel(size: Size, symmetry: number, visit: (turned: number, from: number) => void): void {
  const { width, height } = sizeAfter(size, symmetry);
  for (let row = 0, turned = 0; row < height; row++) {
    for (let column = 0; column < width; column++, turned += 3) {
      const [u, v] = isTransposed(symmetry) ? [row, column] : [column, row];
      const x = unmirrorX(symmetry, u, size.width);
      const y = unmirrorY(symmetry, v, size.height);
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
