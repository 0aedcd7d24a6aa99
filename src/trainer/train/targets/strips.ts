/** A picture in strips of whole rows, so that a network's memory does not grow with the photograph. */

/** Most pixels of a strip, the rows around it not counted. */
const MAX_PIXELS = 65_536;

export interface Strip {
  /** Rows that are wanted: `top` is the first, `bottom` the one behind the last. */
  readonly top: number;
  readonly bottom: number;
  /** Rows that are read, `halo` more on either side where there are any. */
  readonly readTop: number;
  readonly readBottom: number;
}

/** @param halo of the network; undefined where it must see the whole picture, which then is one strip. */
export function stripsOf(
  { width, height }: { readonly width: number; readonly height: number },
  halo: number | undefined,
  maxPixels = MAX_PIXELS,
): Strip[] {
  const rows = halo === undefined ? height : Math.max(1, Math.floor(maxPixels / width));
  const strips: Strip[] = [];
  for (let top = 0; top < height; top += rows) {
    const bottom = Math.min(height, top + rows);
    const [readTop, readBottom] = [Math.max(0, top - (halo ?? 0)), Math.min(height, bottom + (halo ?? 0))];
    strips.push({ top, bottom, readTop, readBottom });
  }
  return strips;
}
