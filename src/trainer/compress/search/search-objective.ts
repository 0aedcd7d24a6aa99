/** Dual regression over the relaxed network: the training objective, whose parameters now hold the channels' weights too. */
import type { Network } from '../../../core/network/network.ts';
import { type PrunableWidth, prunableWidths, weightChannels } from '../../../core/network/prunable.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import type { Tensor1D } from '../../../core/tf.ts';
import { createObjective, type Objective } from '../../train/step/objective.ts';
import { layOutParameters } from '../../train/step/parameter-layout.ts';

/** Where one width's numbers stand in the flat vector. */
interface WidthPlace {
  readonly width: PrunableWidth;
  /** Weights of the convolution that ranks the channels. */
  readonly consumer: { readonly offset: number; readonly size: number; readonly shape: readonly number[] };
  readonly channels: number;
  /** Weight of the whole block; absent where none is dropped. */
  readonly block?: number;
}

export interface SearchObjective {
  readonly objective: Objective;
  readonly places: readonly WidthPlace[];
  /** Length of the part that is trained: primal and dual parameters. The weights of channels and blocks follow. */
  readonly trainedSize: number;
}

const channelsName = (width: PrunableWidth): string => `channels.${width.name}`;
const blockName = (width: PrunableWidth): string => `block.${width.name}`;

function relax(primal: Network, widths: readonly PrunableWidth[]): Network {
  return {
    ...primal,
    forward(parameters, image, code) {
      const weights = widths.map((width) => {
        const block = parameters[blockName(width)];
        const channels = parameters[channelsName(width)] as Tensor1D;
        return [width.name, { channels, block }] as const;
      });
      return primal.forward(weightChannels(parameters, widths, Object.fromEntries(weights)), image, code);
    },
  };
}

/** @param dualWeight as in `createObjective`. */
export function createSearchObjective(spec: NetworkSpec, dualWeight: number): SearchObjective {
  const base = createObjective(spec, dualWeight);
  const widths = prunableWidths(spec);
  const weights = widths.flatMap((width) => [
    { name: channelsName(width), shape: [width.width], fanIn: 1 },
    ...(width.least === 0 ? [{ name: blockName(width), shape: [1], fanIn: 1 }] : []),
  ]);
  const layout = layOutParameters([base.primal, ...base.duals, { parameters: weights }]);
  const slotOf = new Map(layout.slots.map((slot) => [slot.name, slot]));
  const places = widths.map((width) => {
    const consumer = slotOf.get(`${width.consumer.layer}.weight`) as (typeof layout.slots)[number];
    const channels = slotOf.get(channelsName(width))?.offset as number;
    const block = slotOf.get(blockName(width))?.offset;
    return { width, consumer, channels, block };
  });
  return { objective: { ...base, primal: relax(base.primal, widths), layout }, places, trainedSize: base.layout.size };
}
