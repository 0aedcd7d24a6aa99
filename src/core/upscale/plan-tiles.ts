/** Cuts a picture into the grid of tiles whose reads cost least. */
import type { Area, Tile } from '../engine/tile/tile-task.ts';
import { badOption, DualscaleError } from '../errors.ts';

export interface PlanTilesOptions {
  /** LR pixels. */
  readonly width: number;
  readonly height: number;
  /**
   * LR pixels read around a tile and thrown away; undefined for a network that must see the whole
   * picture.
   */
  readonly halo: number | undefined;
  /** Most LR pixels a tile may read: this bounds a worker's memory. At least (2 * halo + 1)^2. */
  readonly maxTilePixels: number;
  /**
   * Tiles wanted, so that every worker gets one. A picture too small for that gives fewer. @default
   * 1
   */
  readonly minTiles?: number;
  /**
   * Rows that are wanted of a picture that is a part of a larger one; the others are read only.
   * @default all
   */
  readonly wanted?: { readonly top: number; readonly rows: number };
}

/** Where each tile along one axis begins, and the length of that axis at the end. */
type Cuts = readonly number[];

/** The most tiles along an axis such that each keeps at least one pixel that is not halo. */
function mostTiles(length: number, halo: number): number {
  return Math.max(1, length - 2 * halo);
}

/**
 * The longest read when `length` is cut into `count` tiles whose reads are equally long: neighbours
 * share 2 * halo pixels, so the reads add up to length + 2 * halo * (count - 1). Tiles at the
 * border, which have only one halo, thereby keep more.
 */
function longestRead(length: number, count: number, halo: number): number {
  return Math.ceil((length + 2 * halo * (count - 1)) / count);
}

function totalRead(length: number, count: number, halo: number): number {
  return length + 2 * halo * (count - 1);
}

/**
 * The fewest tiles along an axis whose reads are at most `limit` long, or undefined when the halo
 * alone is longer.
 */
function fewestTiles(length: number, halo: number, limit: number): number | undefined {
  if (length <= limit) return 1;
  if (limit <= 2 * halo) return undefined;
  return Math.ceil((length - 2 * halo) / (limit - 2 * halo));
}

function cut(length: number, count: number, halo: number): Cuts {
  if (count === 1) return [0, length];
  const read = longestRead(length, count, halo);
  const starts = Array.from({ length: count }, (_, i) => Math.round((i * (length - read)) / (count - 1)));
  return [0, ...starts.slice(1).map((start) => start + halo), length];
}

/**
 * Columns and rows with the smallest total read area among those that respect the limit and give at
 * least `minTiles` tiles.
 */
function cheapestGrid(
  options: PlanTilesOptions,
  halo: number,
  minTiles: number,
): { columns: number; rows: number } | undefined {
  const { width, height, maxTilePixels } = options;
  let best: { columns: number; rows: number } | undefined;
  let bestArea = Number.POSITIVE_INFINITY;
  for (let columns = 1; columns <= mostTiles(width, halo); columns++) {
    const needed = fewestTiles(height, halo, Math.floor(maxTilePixels / longestRead(width, columns, halo)));
    if (needed === undefined) continue;
    const rows = Math.max(needed, Math.ceil(minTiles / columns));
    if (rows > mostTiles(height, halo)) continue;
    const area = totalRead(width, columns, halo) * totalRead(height, rows, halo);
    if (area < bestArea) {
      best = { columns, rows };
      bestArea = area;
    }
    // One row is as few as there can be: more columns only add halo.
    if (rows === 1 && columns >= minTiles) break;
  }
  return best;
}

function clip(start: number, end: number, halo: number, length: number): { start: number; size: number } {
  const from = Math.max(0, start - halo);
  return { start: from, size: Math.min(length, end + halo) - from };
}

function planWhole({ width, height, maxTilePixels }: PlanTilesOptions): Tile {
  if (width * height > maxTilePixels) {
    const message = `${width}x${height} is more than the ${maxTilePixels} pixels that a network without tiles may read`;
    const publicDetail = `The limit is ${maxTilePixels} pixels, the image has ${width * height}.`;
    throw new DualscaleError('DS_INPUT_TOO_LARGE', message, { publicDetail });
  }
  const whole: Area = { x: 0, y: 0, width, height };
  return { ...whole, read: whole };
}

/** The part of a tile that is wanted, if any; what it reads stays. */
function keepWanted(tile: Tile, { top, rows }: { readonly top: number; readonly rows: number }): Tile[] {
  const y = Math.max(tile.y, top);
  const bottom = Math.min(tile.y + tile.height, top + rows);
  return y < bottom ? [{ ...tile, y, height: bottom - y }] : [];
}

/**
 * Tiles in reading order; they cover the wanted rows exactly once and each reads at most
 * `maxTilePixels`. Throws DS_INPUT_TOO_LARGE when a network that must see the whole picture may
 * not, DS_BAD_OPTION when the limit is too small for the halo.
 */
export function planTiles(options: PlanTilesOptions): Tile[] {
  const { width, height, halo, maxTilePixels, minTiles = 1, wanted = { top: 0, rows: height } } = options;
  if (halo === undefined) return keepWanted(planWhole(options), wanted);
  const grid = cheapestGrid(options, halo, minTiles) ?? cheapestGrid(options, halo, 1);
  if (!grid) throw badOption('maxTilePixels', `at least ${(2 * halo + 1) ** 2} for a halo of ${halo}`, maxTilePixels);
  const columns = cut(width, grid.columns, halo);
  const rows = cut(height, grid.rows, halo);
  return rows.slice(0, -1).flatMap((y, row) => {
    const bottom = rows[row + 1];
    const vertical = clip(y, bottom, halo, height);
    return columns.slice(0, -1).flatMap((x, column): Tile[] => {
      const right = columns[column + 1];
      const horizontal = clip(x, right, halo, width);
      const read = { x: horizontal.start, y: vertical.start, width: horizontal.size, height: vertical.size };
      return keepWanted({ x, y, width: right - x, height: bottom - y, read }, wanted);
    });
  });
}

export interface Layout {
  readonly tiles: readonly Tile[];
  /** Intra-op threads for each tile. */
  readonly threads: number;
}

export interface LayoutOptions extends Omit<PlanTilesOptions, 'minTiles'> {
  readonly workers: number;
  readonly idleWorkers: number;
  readonly threadsPerWorker: number;
  /** Most intra-op threads of a tile. @default workers * threadsPerWorker */
  readonly maxThreads?: number;
  /**
   * Other pictures are being decoded or encoded: they will want a worker soon, though all may be
   * idle now. @default false
   */
  readonly isShared?: boolean;
}

/**
 * Part of a run that more threads do not shorten: two threads were 1.8 times as fast as one (2-core
 * CPU, 32 channels, 128x128 to 256x256).
 */
const SERIAL_PART = 0.1;

function speedup(threads: number): number {
  return 1 / (SERIAL_PART + (1 - SERIAL_PART) / threads);
}

/** Time until the last tile is done, in pixels that one thread reads. */
function estimateTime({ tiles, threads }: Layout, lanes: number): number {
  const largest = Math.max(...tiles.map(({ read }) => read.width * read.height));
  return (Math.ceil(tiles.length / lanes) * largest) / speedup(threads);
}

/**
 * While others wait, each tile costs least when it is as large as allowed and has one worker's
 * threads. A picture that has the pool to itself takes what is estimated to answer first: the same,
 * as many tiles for each worker, or (a single tile) all threads in one worker.
 */
export function chooseLayout(options: LayoutOptions): Layout {
  const { workers, threadsPerWorker, isShared = false } = options;
  const idleWorkers = isShared ? Math.min(options.idleWorkers, workers - 1) : options.idleWorkers;
  const fewest = planTiles(options);
  const lanes = Math.max(1, idleWorkers);
  let best: { layout: Layout; time: number } | undefined;
  const consider = (layout: Layout, tilesAtOnce: number) => {
    const time = estimateTime(layout, tilesAtOnce);
    if (!best || time < best.time) best = { layout, time };
  };
  consider({ tiles: fewest, threads: threadsPerWorker }, lanes);
  if (lanes > 1 && options.halo !== undefined) {
    const rounds = Math.ceil(fewest.length / lanes);
    consider({ tiles: planTiles({ ...options, minTiles: rounds * lanes }), threads: threadsPerWorker }, lanes);
  }
  if (idleWorkers === workers && fewest.length === 1) {
    const all = workers * threadsPerWorker;
    consider({ tiles: fewest, threads: Math.min(all, options.maxThreads ?? all) }, 1);
  }
  return (best as { layout: Layout; time: number }).layout;
}
