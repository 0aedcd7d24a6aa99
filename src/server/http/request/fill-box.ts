/** `upscale=auto`: which scale reaches a given width or height, and what is to be cut off its result. */
import type { ServingModel } from '../../service/picture-upscaler.ts';
import type { Box } from './parse-request.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Filling {
  readonly model: ServingModel;
  /** The size to make of the enlarged picture; absent where it is that size or smaller. */
  readonly fit?: Size;
}

/**
 * The smallest of `models` (smallest scale first) that fills `box`, and the size that does so exactly; the largest there is
 * where none does. The picture keeps its aspect and lies within the box. Undefined where it fills the box as it is.
 */
export function fillBox(
  picture: Size,
  box: Box,
  models: readonly [ServingModel, ...ServingModel[]],
): Filling | undefined {
  const factor = Math.min((box.width ?? Infinity) / picture.width, (box.height ?? Infinity) / picture.height);
  if (factor <= 1) return undefined;
  const model = models.find(({ scale }) => scale >= factor) ?? (models.at(-1) as ServingModel);
  if (model.scale <= factor) return { model };
  const pixels = (side: number) => Math.max(1, Math.round(side * factor));
  return { model, fit: { width: pixels(picture.width), height: pixels(picture.height) } };
}
