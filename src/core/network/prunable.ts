/**
 * The inner widths of a network that pruning may change, family by family the same (arXiv
 * 2207.07929; the released code calls the input channels of a "searched" convolution so). The
 * trunk, heads and tails keep theirs.
 */
import type { Tensor, Tensor1D, Tensor4D } from '../tf.ts';
import { tf } from '../tf.ts';
import { fullChannels, planDrn } from './drn-plan.ts';
import { modulationName } from './edge-conditioned.ts';
import type { Parameters } from './network.ts';
import type { DrnSpec, EdgeSpec, NetworkSpec } from './spec.ts';

export interface PrunableWidth {
  /** What the width belongs to: `body.3`, `down.0`, `up.1.block.7`, `up.0.upsampler`. */
  readonly name: string;
  /** Channels now. */
  readonly width: number;
  /**
   * Fewest that may stay: 0 where a block without channels is dropped (`edge`), else 4, as in the
   * paper's code, or the width itself where that is less.
   */
  readonly least: number;
  /**
   * The convolution that makes the channels. Unit `c` is its outputs `offset * width + c` for
   * offset 0 to outputsPerUnit - 1.
   */
  readonly producer: {
    readonly layer: string;
    readonly hasBias: boolean;
    /** 4 before a pixel shuffle, else 1. */
    readonly outputsPerUnit: 1 | 4;
  };
  /** The convolution whose input channels these are: it ranks and selects them. */
  readonly consumer: { readonly layer: string; readonly hasBias: boolean };
  /**
   * Layers with biases whose output `c` acts on unit `c`: what a degradation code does to the
   * channels.
   */
  readonly modulators?: readonly string[];
}

const PAPER_LEAST = 4;

function edgeWidths({ innerWidths, code }: EdgeSpec): PrunableWidth[] {
  const modulators = (layer: string) => [modulationName(layer, 'scale'), modulationName(layer, 'shift')];
  const widths = innerWidths.map((width, block) => ({
    name: `body.${block}`,
    width,
    least: 0,
    producer: { layer: `body.${block}.conv1`, hasBias: true, outputsPerUnit: 1 as const },
    consumer: { layer: `body.${block}.conv2`, hasBias: true },
    modulators: code ? modulators(`body.${block}.conv1`) : undefined,
  }));
  // A dropped block is no part of the network any more.
  return widths.filter(({ width }) => width > 0);
}

function drnWidths(spec: DrnSpec): PrunableWidth[] {
  const { downs, stages } = planDrn(spec);
  const inner = (name: string, width: number, hasBias: boolean): PrunableWidth => ({
    name,
    width,
    least: Math.min(PAPER_LEAST, width),
    producer: { layer: `${name}.conv1`, hasBias, outputsPerUnit: 1 },
    consumer: { layer: `${name}.conv2`, hasBias },
  });
  return [
    ...downs.map(({ conv2 }, level) => inner(`down.${level}`, conv2.inChannels, false)),
    ...stages.flatMap(({ blocks, expand, mix }, stage): PrunableWidth[] => [
      ...blocks.map(({ conv2 }, block) => inner(`up.${stage}.block.${block}`, conv2.inChannels, true)),
      {
        name: `up.${stage}.upsampler`,
        width: mix.inChannels,
        least: Math.min(PAPER_LEAST, mix.inChannels),
        producer: { layer: expand.name, hasBias: true, outputsPerUnit: 4 },
        consumer: { layer: mix.name, hasBias: true },
      },
    ]),
  ];
}

/**
 * In the order of the network: that of `innerWidths` (`edge`, dropped blocks left out) or of
 * `keptChannels` (`drn`).
 */
export function prunableWidths(spec: NetworkSpec): readonly PrunableWidth[] {
  return spec.family === 'edge' ? edgeWidths(spec) : drnWidths(spec);
}

/**
 * The network with other inner widths. `drn` at its full widths is the spec without `keptChannels`,
 * as a trained one is.
 * @param widths one per `prunableWidths(spec)`, each an integer from its `least` to its `width`.
 */
export function withWidths(spec: NetworkSpec, widths: readonly number[]): NetworkSpec {
  const prunable = prunableWidths(spec);
  if (widths.length !== prunable.length) throw new Error(`expected ${prunable.length} widths, got ${widths.length}`);
  for (const [i, { name, least, width }] of prunable.entries()) {
    if (Number.isInteger(widths[i]) && widths[i] >= least && widths[i] <= width) continue;
    throw new Error(`expected the width of ${name} to be an integer from ${least} to ${width}, got ${widths[i]}`);
  }
  if (spec.family === 'edge') {
    const kept = [...widths];
    return { ...spec, innerWidths: spec.innerWidths.map((width) => (width === 0 ? 0 : (kept.shift() as number))) };
  }
  const { keptChannels: _, ...full } = spec;
  const isFull = fullChannels(spec).every((width, i) => width === widths[i]);
  return isFull ? full : { ...full, keptChannels: [...widths] };
}

/** The producer's outputs that stay when the units `kept` do, ascending. */
export function producerOutputs({ producer, width }: PrunableWidth, kept: readonly number[]): number[] {
  const offsets = Array.from({ length: producer.outputsPerUnit }, (_, offset) => offset * width);
  return offsets.flatMap((offset) => kept.map((unit) => offset + unit)).sort((a, b) => a - b);
}

/** How much of a width's channels takes part, 0 to 1 each. */
export interface ChannelWeights {
  /** [width] */
  readonly channels: Tensor1D;
  /**
   * Scalar: how much of the whole block takes part, which is dropped with its bias when no channel
   * is left. Absent: all.
   */
  readonly block?: Tensor;
}

/**
 * The parameters of the same network in which only the weighted channels take part:
 * `network.forward` with them is the masked network (weights 0 and 1) or the relaxed one (between).
 * Gradients flow to weights and parameters.
 * @param weights by the name of the width; a width without is left as it is.
 */
export function weightChannels(
  parameters: Parameters,
  widths: readonly PrunableWidth[],
  weights: Readonly<Record<string, ChannelWeights>>,
): Parameters {
  const changed = widths.flatMap(({ name, width, consumer: { layer, hasBias } }) => {
    const given = weights[name];
    if (!given) return [];
    // HWIO: the third axis is the consumer's input channels.
    const weight = tf.mul(parameters[`${layer}.weight`] as Tensor4D, tf.reshape(given.channels, [1, 1, width, 1]));
    const bias = hasBias && given.block ? tf.mul(parameters[`${layer}.bias`], given.block) : undefined;
    return [[`${layer}.weight`, weight] as const, ...(bias ? [[`${layer}.bias`, bias] as const] : [])];
  });
  return { ...parameters, ...Object.fromEntries(changed) };
}
