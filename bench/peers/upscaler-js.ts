/** UpscalerJS' published x4 models, run the way UpscalerJS runs them in Node without TensorFlow: a TF.js layers model on WASM. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import type * as TensorFlow from '@tensorflow/tfjs';
import type { PixelImage } from '../../src/core/pixels/image.ts';
import { tf } from '../../src/core/tf.ts';

const require = createRequire(import.meta.url);

const ENTRIES = {
  'esrgan-slim': require.resolve('@upscalerjs/esrgan-slim/4x'),
  'esrgan-medium': require.resolve('@upscalerjs/esrgan-medium/4x'),
};

type UpscalerJsModel = keyof typeof ENTRIES;

export const UPSCALER_JS_MODELS = Object.keys(ENTRIES) as UpscalerJsModel[];

/** The part of the packages' model definition that is needed to run one. */
interface ModelDefinition {
  /** Registers the layers TF.js does not have (MultiplyBeta, PixelShuffle4x); absent where the model has none, as in these two. */
  readonly setup?: (library: typeof TensorFlow) => void;
  readonly scale: number;
  readonly _internals: { readonly path: string };
}

export interface UpscalerJsPeer {
  readonly parameterCount: number;
  /** Float samples in 0..1 in, network output out, as a tensor engine is called. */
  run(values: Float32Array, width: number, height: number): Promise<Float32Array>;
  enlarge(image: PixelImage): Promise<PixelImage>;
  dispose(): void;
}

async function loadLayers(root: string, path: string): Promise<TensorFlow.LayersModel> {
  const model = JSON.parse(await readFile(join(root, path), 'utf8')) as TensorFlow.io.ModelJSON;
  const groups = model.weightsManifest;
  const files = groups.flatMap((group) => group.paths);
  const bytes = Buffer.concat(await Promise.all(files.map((file) => readFile(join(root, path, '..', file)))));
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const weightSpecs = groups.flatMap((group) => group.weights);
  return tf.loadLayersModel(tf.io.fromMemory({ modelTopology: model.modelTopology, weightSpecs, weightData }));
}

/** The TF.js backend must be chosen before. */
export async function loadUpscalerJsModel(name: UpscalerJsModel): Promise<UpscalerJsPeer> {
  const entry = ENTRIES[name];
  const definition = require(entry) as ModelDefinition;
  // The package exports its code only; models/ lies beside dist/.
  const root = entry.split(`${sep}dist${sep}`)[0];
  definition.setup?.(tf);
  const model = await loadLayers(root, definition._internals.path);

  async function run(values: Float32Array, width: number, height: number): Promise<Float32Array> {
    // The definition says 0..255; 0..1 gives these weights 0.04 dB (slim) more on Set5, and the peer gets the better of the two.
    const output = tf.tidy(() => model.predict(tf.tensor4d(values, [1, height, width, 3])) as TensorFlow.Tensor);
    const data = (await output.data()) as Float32Array;
    output.dispose();
    return data;
  }

  return {
    parameterCount: model.countParams(),
    run,
    async enlarge({ width, height, data }) {
      const output = await run(
        Float32Array.from(data, (value) => value / 255),
        width,
        height,
      );
      const pixels = Uint8ClampedArray.from(output, (value) => value * 255);
      return {
        width: width * definition.scale,
        height: height * definition.scale,
        channels: 3,
        data: new Uint8Array(pixels.buffer),
      };
    },
    dispose: () => model.dispose(),
  };
}
