/** A primal network on pictures of any size, its weights an input: for held-out photographs, and for a teacher's images. */
import type { Engine } from '../../../core/engine/engine.ts';
import type { Program } from '../../../core/graph/program.ts';
import type { Network } from '../../../core/network/network.ts';
import type { PixelImage } from '../../../core/pixels/image.ts';
import type { Tensor4D } from '../../../core/tf.ts';
import type { ParameterLayout } from '../step/parameter-layout.ts';
import { nameParameters, sliceParameters } from '../step/parameter-layout.ts';

/** Inputs `parameters` [P] and `image` [1, H, W, 3] of any size; output `enlarged`. */
function primalProgram(network: Network, layout: ParameterLayout): Program {
  return {
    name: 'primal',
    inputs: { parameters: { shape: [layout.size] }, image: { shape: [1, 32, 32, 3], dynamicAxes: [1, 2] } },
    run(inputs) {
      const parameters = nameParameters(layout, sliceParameters(layout, inputs['parameters']));
      return { enlarged: network.forward(parameters, inputs['image'] as Tensor4D).at(-1) as Tensor4D };
    },
  };
}

/** An RGB picture in 0..1, [height * width * 3]. */
export type FloatPicture = Omit<PixelImage, 'data' | 'channels'> & { readonly data: Float32Array };

export interface Enlarger {
  /** [scale * height * scale * width * 3] in 0..1, not clamped. */
  enlarge(parameters: Float32Array, lrImage: FloatPicture): Promise<Float32Array>;
  release(): Promise<void>;
}

export const toFloat = ({ width, height, data }: PixelImage): FloatPicture => ({
  width,
  height,
  data: Float32Array.from(data, (v) => v / 255),
});

/** What a network gave for an LR picture, rounded to 8 bits. */
export function toPixels(enlarged: Float32Array, { width, height }: PixelImage, scale: number): PixelImage {
  const data = new Uint8Array(Uint8ClampedArray.from(enlarged, (v) => v * 255).buffer);
  return { width: width * scale, height: height * scale, channels: 3, data };
}

export async function createEnlarger(engine: Engine, network: Network, layout: ParameterLayout): Promise<Enlarger> {
  const executable = await engine.compile(primalProgram(network, layout));
  return {
    async enlarge(parameters, { width, height, data }) {
      const { enlarged } = await executable.run({
        parameters: { dtype: 'float32', shape: [parameters.length], data: parameters },
        image: { dtype: 'float32', shape: [1, height, width, 3], data },
      });
      return enlarged.data as Float32Array;
    },
    release: () => executable.release(),
  };
}
