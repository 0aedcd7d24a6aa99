/**
 * `drn`: the dual regression network, a U shape around the bicubically enlarged input (Guo et al.,
 * CVPR 2020; arXiv 2207.07929). It pools globally in every block (channel attention), so a tile
 * differs from the whole image.
 *
 * The pixel shuffle is TF's (`pixelShuffle`): the upsampler's output channel is offset*width + c,
 * not torch's c*4 + offset. Pruning its width from C to the kept channels therefore keeps the
 * outputs offset*C + c of all four offsets, and torch weights need that permutation.
 */
import { type Tensor4D, tf } from '../tf.ts';
import { type DownBlock, planDrn, planLayers, type Rcab, type UpStage } from './drn-plan.ts';
import { conv, convParameters, pixelShuffle } from './layers.ts';
import type { Network, Parameters } from './network.ts';
import type { ConvLayer, DrnSpec } from './spec.ts';
import { bicubicUpsample } from './upsample.ts';

/**
 * The network's own range: the sigmoids of the attention are not scale-free, so published weights
 * need it.
 */
const PEAK = 255;
/** Mean colour of DIV2K, as in the paper's code. */
const MEAN_RGB = [0.4488, 0.4371, 0.404].map((mean) => PEAK * mean);
const LEAKY_SLOPE = 0.2;

function downBlock(parameters: Parameters, { conv1, conv2 }: DownBlock, x: Tensor4D): Tensor4D {
  return conv(parameters, conv2, tf.leakyRelu(conv(parameters, conv1, x), LEAKY_SLOPE));
}

/**
 * Scales each channel of `x` by a number in 0..1 computed from all channels' means over the image.
 */
export function channelAttention(
  parameters: Parameters,
  { squeeze, excite }: Pick<Rcab, 'squeeze' | 'excite'>,
  x: Tensor4D,
): Tensor4D {
  const means = tf.mean(x, [1, 2], true) as Tensor4D;
  const squeezed = tf.relu(conv(parameters, squeeze, means));
  return tf.mul(x, tf.sigmoid(conv(parameters, excite, squeezed)));
}

function residualBlock(parameters: Parameters, block: Rcab, x: Tensor4D): Tensor4D {
  const inner = tf.relu(conv(parameters, block.conv1, x));
  return tf.add(x, channelAttention(parameters, block, conv(parameters, block.conv2, inner)));
}

/** Doubles height and width. There is no long skip around the blocks, unlike in RCAN. */
function upStage(parameters: Parameters, { blocks, expand, mix }: UpStage, x: Tensor4D): Tensor4D {
  const features = blocks.reduce((value, block) => residualBlock(parameters, block, value), x);
  return conv(parameters, mix, pixelShuffle(conv(parameters, expand, features), 2));
}

function toImage(parameters: Parameters, tail: ConvLayer, x: Tensor4D): Tensor4D {
  return tf.div(tf.add(conv(parameters, tail, x), tf.tensor1d(MEAN_RGB)), PEAK);
}

/**
 * Returns log2(scale) + 1 images: [N, H, W, 3], [N, 2H, 2W, 3] ... [N, scale*H, scale*W, 3].
 * @throws DS_BAD_MODEL when `keptChannels` has the wrong length.
 */
export function createDrn(spec: DrnSpec): Network<DrnSpec> {
  const plan = planDrn(spec);
  const layers = planLayers(plan);
  return {
    spec,
    layers,
    parameters: convParameters(layers),
    halo: undefined,
    residualEnds: plan.stages.flatMap(({ blocks }) => blocks.map(({ conv2 }) => conv2.name)),
    forward(parameters: Parameters, image: Tensor4D): Tensor4D[] {
      const enlarged = tf.mul(bicubicUpsample(image, spec.scale), PEAK);
      let x = conv(parameters, plan.head, tf.sub(enlarged, tf.tensor1d(MEAN_RGB)));
      const copies: Tensor4D[] = [];
      for (const block of plan.downs) {
        copies.push(x);
        x = downBlock(parameters, block, x);
      }
      const images = [toImage(parameters, plan.tails[0], x)];
      for (const [index, stage] of plan.stages.entries()) {
        x = tf.concat([upStage(parameters, stage, x), copies.pop() as Tensor4D], 3);
        images.push(toImage(parameters, plan.tails[index + 1], x));
      }
      return images;
    },
  };
}
