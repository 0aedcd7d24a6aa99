/** DRN's convolutions as named records, and the inner widths that pruning changes. */
import { DualscaleError } from '../errors.ts';
import type { ConvLayer, DrnSpec } from './spec.ts';

/** Channel attention squeezes the trunk by this factor. */
const ATTENTION_REDUCTION = 16;

export interface DownBlock {
  /** 3x3, stride 2. */
  readonly conv1: ConvLayer;
  /** 3x3; its input channels are prunable. */
  readonly conv2: ConvLayer;
}

/** Residual channel attention block. */
export interface Rcab {
  readonly conv1: ConvLayer;
  /** Its input channels are prunable. */
  readonly conv2: ConvLayer;
  readonly squeeze: ConvLayer;
  readonly excite: ConvLayer;
}

export interface UpStage {
  readonly blocks: readonly Rcab[];
  /** 3x3 to four times its width, before the pixel shuffle. */
  readonly expand: ConvLayer;
  /** 1x1 after the pixel shuffle; its input channels are prunable. */
  readonly mix: ConvLayer;
}

export interface DrnPlan {
  readonly head: ConvLayer;
  readonly downs: readonly DownBlock[];
  readonly stages: readonly UpStage[];
  /** One per returned image, smallest first. */
  readonly tails: readonly ConvLayer[];
}

/** Number of halvings and doublings: log2(scale). */
export function doublingCount(scale: DrnSpec['scale']): number {
  return Math.log2(scale);
}

function stageWidth({ scale, featureCount }: DrnSpec, stage: number): number {
  const levels = doublingCount(scale);
  // From the second stage on, the concatenated copy has doubled the width.
  return featureCount * 2 ** (stage === 0 ? levels : levels - stage + 1);
}

/**
 * The unpruned network's `keptChannels`: P down blocks, then per up stage N blocks and the
 * upsampler, P + P*(N+1) numbers.
 */
export function fullChannels(spec: DrnSpec): number[] {
  const levels = doublingCount(spec.scale);
  const downs = Array.from({ length: levels }, (_, level) => spec.featureCount * 2 ** level);
  const stages = Array.from({ length: levels }, (_, stage) =>
    new Array<number>(spec.blockCount + 1).fill(stageWidth(spec, stage)),
  );
  return [...downs, ...stages.flat()];
}

interface InnerWidths {
  readonly downs: readonly number[];
  readonly stages: readonly { readonly blocks: readonly number[]; readonly upsampler: number }[];
}

function innerWidths(spec: DrnSpec): InnerWidths {
  const full = fullChannels(spec);
  const kept = spec.keptChannels ?? full;
  if (kept.length !== full.length) {
    throw new DualscaleError(
      'DS_BAD_MODEL',
      `expected \`keptChannels\` to have ${full.length} numbers, got ${kept.length}`,
    );
  }
  const levels = doublingCount(spec.scale);
  const stages = Array.from({ length: levels }, (_, stage) => {
    const start = levels + stage * (spec.blockCount + 1);
    const end = start + spec.blockCount;
    return { blocks: kept.slice(start, end), upsampler: kept[end] };
  });
  return { downs: kept.slice(0, levels), stages };
}

function planDowns({ scale, featureCount }: DrnSpec, widths: readonly number[]): DownBlock[] {
  return widths.map((width, level) => {
    const inChannels = featureCount * 2 ** level;
    const positionsPerLrPixel = (scale / 2 ** (level + 1)) ** 2;
    const layer = { kernel: 3, bias: false, positionsPerLrPixel };
    return {
      conv1: { ...layer, name: `down.${level}.conv1`, inChannels, outChannels: width, stride: 2 },
      conv2: { ...layer, name: `down.${level}.conv2`, inChannels: width, outChannels: 2 * inChannels },
    };
  });
}

function planBlock(name: string, width: number, inner: number, positionsPerLrPixel: number): Rcab {
  const squeezed = Math.max(1, Math.floor(width / ATTENTION_REDUCTION));
  const layer = { kernel: 3, positionsPerLrPixel };
  const attention = { kernel: 1, positionsPerLrPixel: 0 };
  return {
    conv1: { ...layer, name: `${name}.conv1`, inChannels: width, outChannels: inner },
    conv2: { ...layer, name: `${name}.conv2`, inChannels: inner, outChannels: width },
    squeeze: { ...attention, name: `${name}.squeeze`, inChannels: width, outChannels: squeezed },
    excite: { ...attention, name: `${name}.excite`, inChannels: squeezed, outChannels: width },
  };
}

function planStage(spec: DrnSpec, stage: number, { blocks, upsampler }: InnerWidths['stages'][number]): UpStage {
  const width = stageWidth(spec, stage);
  const positionsPerLrPixel = 4 ** stage;
  return {
    blocks: blocks.map((inner, block) => planBlock(`up.${stage}.block.${block}`, width, inner, positionsPerLrPixel)),
    expand: {
      name: `up.${stage}.expand`,
      kernel: 3,
      inChannels: width,
      outChannels: 4 * upsampler,
      positionsPerLrPixel,
    },
    mix: {
      name: `up.${stage}.mix`,
      kernel: 1,
      inChannels: upsampler,
      outChannels: spec.featureCount * 2 ** (doublingCount(spec.scale) - stage - 1),
      positionsPerLrPixel: 4 * positionsPerLrPixel,
    },
  };
}

/** @throws DS_BAD_MODEL when `keptChannels` has the wrong length. */
export function planDrn(spec: DrnSpec): DrnPlan {
  const { scale, featureCount } = spec;
  const levels = doublingCount(scale);
  const widths = innerWidths(spec);
  const tailWidths = Array.from({ length: levels + 1 }, (_, level) =>
    level === 0 ? featureCount * 2 ** levels : featureCount * 2 ** (levels - level + 1),
  );
  return {
    head: { name: 'head', kernel: 3, inChannels: 3, outChannels: featureCount, positionsPerLrPixel: scale ** 2 },
    downs: planDowns(spec, widths.downs),
    stages: widths.stages.map((inner, stage) => planStage(spec, stage, inner)),
    tails: tailWidths.map((inChannels, level) => ({
      name: `tail.${level}`,
      kernel: 3,
      inChannels,
      outChannels: 3,
      positionsPerLrPixel: 4 ** level,
    })),
  };
}

/** Every convolution of the plan, in the order the forward pass meets them. */
export function planLayers({ head, downs, stages, tails }: DrnPlan): ConvLayer[] {
  const [lrTail, ...upTails] = tails as [ConvLayer, ...ConvLayer[]];
  return [
    head,
    ...downs.flatMap(({ conv1, conv2 }) => [conv1, conv2]),
    lrTail,
    ...stages.flatMap(({ blocks, expand, mix }, stage) => [
      ...blocks.flatMap(({ conv1, conv2, squeeze, excite }) => [conv1, conv2, squeeze, excite]),
      expand,
      mix,
      upTails[stage],
    ]),
  ];
}
