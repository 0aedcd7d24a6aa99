/** What a network made of a tile, whatever order its numbers are in. */

const RGB = 3;

/** Rounded RGB samples in cells: [3 * side * side, height / side, width / side]. */
export interface SubpixelBytes {
  readonly data: Uint8Array;
  /** Pixels of a cell along each axis. */
  readonly side: number;
  /** Pixels of all cells. */
  readonly width: number;
  readonly height: number;
}

export interface EnlargedTile {
  readonly width: number;
  readonly height: number;
  /**
   * `count` rows of interleaved RGB from row `first` on, in 0..1, not clamped; perhaps a view of
   * memory that is not to be kept.
   */
  rows(first: number, count: number): Float32Array;
  /** The same as 8-bit samples, where the network makes them itself. */
  readonly bytes?: SubpixelBytes;
}

/** Throws unless `shape` is [1, height, width, 3]. */
export function tileOfPixels(pixels: Float32Array, shape: readonly number[]): EnlargedTile {
  const [, height = 0, width = 0] = shape;
  if (shape.length !== 4 || shape[3] !== RGB) throw new Error(`expected pixels [1, height, width, 3], got [${shape}]`);
  const rowLength = width * RGB;
  return { width, height, rows: (first, count) => pixels.subarray(first * rowLength, (first + count) * rowLength) };
}

/** Throws unless `shape` is [1, 3 * c * c, height, width]; see `withSubpixelOutputs`. */
export function tileOfSubpixels(cells: Float32Array, shape: readonly number[], bytes: Uint8Array): EnlargedTile {
  const [, channels = 0, cellRows = 0, cellColumns = 0] = shape;
  const side = Math.sqrt(channels / RGB);
  if (shape.length !== 4 || !Number.isInteger(side)) {
    throw new Error(`expected cells [1, 3 * c * c, height, width], got [${shape}]`);
  }
  const width = cellColumns * side;
  const rows = (first: number, count: number) => {
    const pixels = new Float32Array(count * width * RGB);
    for (let row = first; row < first + count; row++) {
      const cellRow = Math.floor(row / side);
      for (let place = 0; place < side * RGB; place++) {
        let from = (((row % side) * side * RGB + place) * cellRows + cellRow) * cellColumns;
        let to = (row - first) * width * RGB + place;
        for (const end = from + cellColumns; from < end; to += side * RGB) pixels[to] = cells[from++];
      }
    }
    return pixels;
  };
  const size = { width, height: cellRows * side };
  return { ...size, rows, bytes: { data: bytes, side, ...size } };
}

/** Pixels of a tile; `x` and `width` are multiples of the cells' side. */
export interface CopiedArea {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * An RGB picture of `width` pixels, written from its pixel (`x`, `y`) on; `x` and `width` are
 * multiples of the cells' side.
 */
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
  for (let i = from; i < from + columns; at += step) target[at] = data[i++];
}

/**
 * Four planes at a time, whose samples lie next to each other in the picture: half the time of one
 * by one.
 */
function spreadFour({ data, plane, from, columns }: PlaneRow, target: Uint32Array, to: number, step: number): void {
  let [first, second, third, fourth] = [from, from + plane, from + 2 * plane, from + 3 * plane];
  let at = to;
  for (const end = from + columns; first < end; at += step) {
    target[at] = data[first++] | (data[second++] << 8) | (data[third++] << 16) | (data[fourth++] << 24);
  }
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function asWords({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array | undefined {
  if (!IS_LITTLE_ENDIAN || byteOffset % 4 !== 0) return undefined;
  return new Uint32Array(buffer, byteOffset, byteLength >> 2);
}

export function copyBytes({ data, side, width, height }: SubpixelBytes, area: CopiedArea, picture: CopyTarget): void {
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
