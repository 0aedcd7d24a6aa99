/** More to learn from the same photographs, beyond the eight symmetries that every patch is turned by. */
import { badOption } from '../../../core/errors.ts';
import type { PixelImage } from '../../../core/pixels/image.ts';
import { imresize } from '../../../core/pixels/imresize.ts';

export interface Augmentation {
  /**
   * Share of the patches whose colour channels change places, 0 to 1 (Yoo et al., "Rethinking Data Augmentation for Image
   * Super-resolution", CVPR 2020: RGB permutation). @default 0
   */
  readonly channelShuffle?: number;
  /** Further sizes of every photograph to train on, in parts of that at which it is used, each above 0 and below 1. @default none */
  readonly copies?: readonly number[];
}

/** Which channel of the photograph each channel of a patch has. */
export type ChannelOrder = readonly [number, number, number];

export const IN_ORDER: ChannelOrder = [0, 1, 2];

const ORDERS: readonly ChannelOrder[] = [IN_ORDER, [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/** Takes nothing from `random` where nothing is shuffled. */
export function drawChannels(random: () => number, { channelShuffle = 0 }: Augmentation = {}): ChannelOrder {
  if (channelShuffle === 0 || random() >= channelShuffle) return IN_ORDER;
  return ORDERS[Math.floor(random() * ORDERS.length)];
}

/** The photograph and its copies, without those that are too small to cut a patch from. */
export function withCopies(photograph: PixelImage, { copies = [] }: Augmentation, minSide: number): PixelImage[] {
  const reduced = copies.map((scale) => imresize(photograph, { scale }));
  return [photograph, ...reduced.filter(({ width, height }) => Math.min(width, height) >= minSide)];
}

/**
 * @param isDegraded whether the recipe makes its small pictures itself.
 * @throws DS_BAD_OPTION naming the field.
 */
export function checkAugmentation({ channelShuffle = 0, copies = [] }: Augmentation, isDegraded: boolean): void {
  if (!(channelShuffle >= 0 && channelShuffle <= 1)) {
    throw badOption('recipe.augmentation.channelShuffle', 'a number from 0 to 1', channelShuffle);
  }
  if (channelShuffle > 0 && isDegraded) {
    // JPEG halves the resolution of colours: with red for blue they would be others.
    throw badOption('recipe.augmentation.channelShuffle', '0: the recipe has a degradation', channelShuffle);
  }
  const wrong = copies.find((scale) => !(scale > 0 && scale < 1));
  if (wrong !== undefined) throw badOption('recipe.augmentation.copies', 'numbers above 0 and below 1', wrong);
}

export function describeAugmentation({ channelShuffle = 0, copies = [] }: Augmentation): string {
  const parts = [
    ...(channelShuffle > 0 ? [`the channels of ${channelShuffle} of the patches change places`] : []),
    ...(copies.length > 0 ? [`every photograph also at ${copies.join(', ')} of its size`] : []),
  ];
  return parts.join('; ') || 'none';
}
