/** What a network made of a tile, whatever order its numbers are in. */
const RGB = 3;

/** Rounded RGB samples in cells: [3 * side * side, height / side, width / side]. */
export interface Levels {
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
  /** `count` rows of interleaved RGB from row `first` on, in 0..1, not clamped; perhaps a view of memory that is not to be kept. */
  rows(first: number, count: number): Float32Array;
  /** The same as 8-bit samples, where the network makes them itself. */
  readonly levels?: Levels;
}

/** Throws unless `shape` is [1, height, width, 3]. */
export function tileOfPixels(pixels: Float32Array, shape: readonly number[]): EnlargedTile {
  const [, height = 0, width = 0] = shape;
  if (shape.length !== 4 || shape[3] !== RGB) throw new Error(`expected pixels [1, height, width, 3], got [${shape}]`);
  const rowLength = width * RGB;
  return { width, height, rows: (first, count) => pixels.subarray(first * rowLength, (first + count) * rowLength) };
}

/** Throws unless `shape` is [1, 3 * c * c, height, width]; see `withCellOutputs`. */
export function tileOfCells(cells: Float32Array, shape: readonly number[], levels: Uint8Array): EnlargedTile {
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
        for (const end = from + cellColumns; from < end; to += side * RGB) pixels[to] = cells[from++] as number;
      }
    }
    return pixels;
  };
  const size = { width, height: cellRows * side };
  return { ...size, rows, levels: { data: levels, side, ...size } };
}
