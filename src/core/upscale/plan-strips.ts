/** Cuts a picture into strips of whole rows, so that a large result is never in memory at once. */

export interface Strip {
  /** LR row. */
  readonly top: number;
  readonly rows: number;
}

export interface PlanStripsOptions {
  /** LR pixels. */
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  /** See `Network.halo`: a network that must see the whole picture gets it in one strip. */
  readonly halo: number | undefined;
  readonly bytesPerPixel: number;
  /** Most bytes of an enlarged strip, except that a strip has at least as many rows as it needs around it. */
  readonly maxStripBytes: number;
}

/** From top to bottom, as equal as can be, covering every row once. */
export function planStrips(options: PlanStripsOptions): Strip[] {
  const { width, height, scale, halo, bytesPerPixel, maxStripBytes } = options;
  if (halo === undefined) return [{ top: 0, rows: height }];
  const mostRows = Math.max(1, 2 * halo, Math.floor(maxStripBytes / (width * scale ** 2 * bytesPerPixel)));
  const count = Math.ceil(height / mostRows);
  const tops = Array.from({ length: count + 1 }, (_, i) => Math.round((i * height) / count));
  return tops.slice(0, -1).map((top, i) => ({ top, rows: (tops[i + 1] as number) - top }));
}
