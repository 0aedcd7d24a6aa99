/** The ways to enlarge one picture that `inference.ts` compares. */
import { createOnnxEngine } from '../src/core/engine/onnx/onnx-engine.ts';
import { enlargeProgram } from '../src/core/engine/served/programs.ts';
import { compileServedModel } from '../src/core/engine/served/served-model.ts';
import { createTfjsEngine } from '../src/core/engine/tfjs/tfjs-engine.ts';
import type { Enlarge } from '../src/core/measure/quality.ts';
import { createNetwork } from '../src/core/network/create-network.ts';
import type { PixelImage } from '../src/core/pixels/image.ts';
import { createUpscaler } from '../src/core/upscale/upscale.ts';
import type { ModelUnderTest } from './model-under-test.ts';
import { loadUpscalerJsModel, UPSCALER_JS_MODELS } from './peers/upscaler-js.ts';

export interface Candidate {
  readonly network: string;
  readonly parameters: number;
  /** `session`, `eager`: float samples in and out. `pixels to pixels`: everything but decoding and encoding. */
  readonly way: 'session' | 'pixels to pixels' | 'eager';
  readonly engine: string;
  /** Threads that compute. TF.js' WASM backend has one in Node. */
  readonly threads: number;
  run(): Promise<unknown>;
  /** Given for one candidate per network: the others compute the same function. */
  readonly enlarge?: Enlarge;
  release(): Promise<void>;
}

const toFloats = ({ data }: PixelImage) => Float32Array.from(data, (value) => value / 255);

export async function ourCandidates({ stored }: ModelUnderTest, picture: PixelImage): Promise<Candidate[]> {
  const { id, parameters, spec } = stored.manifest;
  const shared = { network: id, parameters };
  const program = enlargeProgram(createNetwork(spec), stored.parameters);
  const shape = [1, picture.height, picture.width, 3];
  const inputs = { image: { dtype: 'float32', shape, data: toFloats(picture) } } as const;
  const session = async (threads: number): Promise<Candidate> => {
    const executable = await createOnnxEngine({ threads }).compile(program);
    const run = () => executable.run(inputs);
    return { ...shared, way: 'session', engine: 'onnx', threads, run, release: () => executable.release() };
  };
  const model = compileServedModel(stored);
  const upscaler = await createUpscaler({ provider: 'cpu', workers: 2 });
  const enlarge: Enlarge = (lrImage) => upscaler.upscale(lrImage, model);
  const whole = { ...shared, way: 'pixels to pixels', engine: 'onnx', threads: 2, enlarge } as const;
  const eager = await (await createTfjsEngine({ backend: 'wasm' })).compile(program);
  return [
    await session(1),
    await session(2),
    { ...whole, run: () => enlarge(picture), release: () => upscaler.close() },
    {
      ...shared,
      way: 'eager',
      engine: 'TF.js WASM',
      threads: 1,
      run: () => eager.run(inputs),
      release: () => eager.release(),
    },
  ];
}

export async function peerCandidates(picture: PixelImage): Promise<Candidate[]> {
  const image = toFloats(picture);
  const candidates: Candidate[] = [];
  for (const network of UPSCALER_JS_MODELS) {
    const peer = await loadUpscalerJsModel(network);
    candidates.push({
      network,
      parameters: peer.parameterCount,
      way: 'eager',
      engine: 'TF.js WASM',
      threads: 1,
      run: () => peer.run(image, picture.width, picture.height),
      enlarge: (lrImage) => peer.enlarge(lrImage),
      release: async () => peer.dispose(),
    });
  }
  return candidates;
}
