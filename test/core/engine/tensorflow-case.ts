/** Process of `tensorflow-backend.test.ts`: uses pools on the backend `tensorflow` and prints what came of it as JSON. */
import { createRequire } from 'node:module';
import type { EngineName } from '../../../src/core/engine/runtime.ts';
import { compileServedModel } from '../../../src/core/engine/served/served-model.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { createUpscaler, type UpscalerOptions } from '../../../src/core/upscale/upscale.ts';
import { randomNumbers } from '../../helpers/onnx-fixtures.ts';

const spec = { family: 'edge', scale: 2, featureCount: 4, innerWidths: [4] } as const;
const random = randomNumbers(3);
const parameters = initialiseParameters(createNetwork(spec), () => (random() + 1) / 2);
const stored = { manifest: { id: 'edge', spec, macs: { perLrPixel: 1 } }, parameters, digest: 'edge' };
const image = {
  width: 12,
  height: 9,
  channels: 3,
  data: Uint8Array.from({ length: 12 * 9 * 3 }, (_, i) => i % 256),
} as const;

const messages: string[] = [];
const log = (message: string) => messages.push(message);
const logger = { info: log, warn: log };

async function enlarge(engine: EngineName, options: UpscalerOptions): Promise<number[]> {
  const upscaler = await createUpscaler({ ...options, engine, logger });
  try {
    return [...(await upscaler.upscale(image, compileServedModel(stored, engine))).data];
  } finally {
    await upscaler.close();
  }
}

const failure = (options: UpscalerOptions) =>
  createUpscaler({ engine: 'tfjs', logger, ...options }).then(
    () => 'none',
    (error: Error) => error.message,
  );

const onTensorflow = { engine: 'tfjs', provider: 'tensorflow' } as const;
const steps = {
  async enlarge() {
    const expected = await enlarge('onnx', { provider: 'cpu', workers: 1 });
    return { expected, result: await enlarge('tfjs', {}), again: await enlarge('tfjs', {}) };
  },
  async conflict() {
    const first = await createUpscaler({ ...onTensorflow });
    const second = await failure(onTensorflow);
    await first.close();
    return { second, workers: await failure({ ...onTensorflow, workers: 2 }), third: await third() };
  },
  async loaded() {
    createRequire(process.env['NODE_PATH'] as string)('@tensorflow/tfjs-node');
    return failure(onTensorflow);
  },
  failure: () => failure(onTensorflow),
};

async function third(): Promise<string> {
  const upscaler = await createUpscaler({ ...onTensorflow });
  await upscaler.close();
  return 'created';
}

export type TensorflowStep = keyof typeof steps;

const value = await steps[process.argv[2] as TensorflowStep]();
process.send?.({ value, messages });
process.disconnect?.();
