/** Rounded samples from a network's cells into a picture. */
import type { Levels } from './enlarged-tile.ts';

const RGB = 3;

/** Pixels of a tile; `x` and `width` are multiples of the cells' side. */
export interface CopiedArea {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** An RGB picture of `width` pixels, written from its pixel (`x`, `y`) on; `x` and `width` are multiples of the cells' side. */
export interface CopyTarget {
  readonly samples: Uint8Array;
  readonly width: number;
  readonly x: number;
  readonly y: number;
}

/** Planes of one row of cells, from `from` on, `plane` numbers apart. */
interface PlaneRow {
  readonly data: Uint8Array;
  readonly plane: number;
  readonly from: number;
  readonly columns: number;
}

/** Sample after sample, each to every `step`th place. */
function spread({ data, from, columns }: PlaneRow, target: Uint8Array, to: number, step: number): void {
  let at = to;
  for (let i = from; i < from + columns; at += step) target[at] = data[i++] as number;
}

/** Four planes at a time, whose samples lie next to each other in the picture: half the time of one by one. */
function spreadFour({ data, plane, from, columns }: PlaneRow, target: Uint32Array, to: number, step: number): void {
  let [first, second, third, fourth] = [from, from + plane, from + 2 * plane, from + 3 * plane];
  let at = to;
  for (const end = from + columns; first < end; at += step) {
    target[at] =
      (data[first++] as number) |
      ((data[second++] as number) << 8) |
      ((data[third++] as number) << 16) |
      ((data[fourth++] as number) << 24);
  }
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function asWords({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array | undefined {
  if (!IS_LITTLE_ENDIAN || byteOffset % 4 !== 0) return undefined;
  return new Uint32Array(buffer, byteOffset, byteLength >> 2);
}

export function copyLevels({ data, side, width, height }: Levels, area: CopiedArea, picture: CopyTarget): void {
  const places = side * RGB;
  const words = places % 4 === 0 ? asWords(picture.samples) : undefined;
  const columns = width / side;
  const plane = columns * (height / side);
  for (let row = 0; row < area.height; row++) {
    const y = area.y + row;
    const first = Math.floor(y / side) * columns + area.x / side + (y % side) * places * plane;
    const to = ((picture.y + row) * picture.width + picture.x) * RGB;
    for (let place = 0; place < places; place += words ? 4 : 1) {
      const planes = { data, plane, from: first + place * plane, columns: area.width / side };
      if (words) spreadFour(planes, words, (to + place) >> 2, places >> 2);
      else spread(planes, picture.samples, to + place, places);
    }
  }
}
