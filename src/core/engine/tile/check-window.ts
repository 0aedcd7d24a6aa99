/**
 * The part of a tile that the dual network looks at: its time grows with it, and a band tells as
 * much about a network as the whole.
 */
import type { EnlargedTile } from './enlarged-tile.ts';
import type { Tile, TileDifference } from './tile-task.ts';

/** A band of rows of a tile's read area. */
export interface CheckWindow {
  /** What the dual network is given, from the read area's first row, LR rows. */
  readonly top: number;
  readonly rows: number;
  /** Of the whole read area. */
  readonly readRows: number;
  /** What of it is judged, from `top`: none of what the halo or the cut changes. */
  readonly firstJudged: number;
  readonly judgedRows: number;
}

/** Fewer say little about a picture. */
const MIN_ROWS = 16;
/**
 * LR rows that a chain of dual networks looks beyond its own: 2 of the last one, and less of those
 * before it, which see larger images.
 */
const DUAL_HALO = 4;

/** @param share of the tile's rows, above 0 and up to 1; in its middle. */
export function checkWindow({ y, height, read }: Tile, share: number): CheckWindow {
  const judgedRows = Math.min(height, Math.max(MIN_ROWS, Math.ceil(height * share)));
  const first = y - read.y + ((height - judgedRows) >> 1);
  const top = Math.max(0, first - DUAL_HALO);
  const rows = Math.min(read.height, first + judgedRows + DUAL_HALO) - top;
  return { top, rows, readRows: read.height, firstJudged: first - top, judgedRows };
}

/** The window's rows of a tile that was enlarged, as the dual network takes them. */
export function rowsOf(
  enlarged: EnlargedTile,
  { top, rows, readRows }: CheckWindow,
): { readonly values: Float32Array; readonly shape: number[] } {
  const { width, height } = enlarged;
  const scale = height / readRows;
  return { values: enlarged.rows(top * scale, rows * scale), shape: [1, rows * scale, width, 3] };
}

/**
 * @param reduced [1, window.rows, read.width, 3] and `values` [1, read.height, read.width, 3] in
 *   0..1; what lies in the halo is another tile's.
 */
export function differTile(
  reduced: Float32Array,
  values: Float32Array,
  { read, ...tile }: Tile,
  { top, firstJudged, judgedRows }: CheckWindow,
): TileDifference {
  let sum = 0;
  const offset = top * read.width * 3;
  for (let row = firstJudged; row < firstJudged + judgedRows; row++) {
    let at = (row * read.width + tile.x - read.x) * 3;
    for (const end = at + tile.width * 3; at < end; at++) {
      sum += Math.abs(reduced[at] - values[offset + at]);
    }
  }
  return { sum: sum * 255, count: tile.width * judgedRows * 3 };
}
