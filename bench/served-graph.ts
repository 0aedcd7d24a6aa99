/**
 * What it saves that the workers run a graph made for CPUs (pictures leave in cells, residuals are added in place): the network and the writing
 * of its pixels, with that graph and with the general one, in turns in one process, 256x256 on one thread.
 *
 *     npx tsx bench/served-graph.ts edge-x4 edge-s-x4
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { chooseGraph } from '../src/core/engine/onnx/nchwc-block.ts';
import { compileServedModel } from '../src/core/engine/served/served-model.ts';
import { tileOfPixels, tileOfSubpixels } from '../src/core/engine/tile/enlarged-tile.ts';
import { writeTile } from '../src/core/engine/tile/tile-pixels.ts';
import { median } from '../src/core/measure/percentile.ts';
import { loadModel, modelDirectory } from '../src/core/models/load.ts';
import { PACKAGE_ROOT } from '../src/core/version.ts';

const SIDE = 256;
const ROUNDS = 24;
const WARM_UP = 4;

const start = (onnx: Uint8Array) =>
  InferenceSession.create(onnx, { intraOpNumThreads: 1, interOpNumThreads: 1, enableMemPattern: false });

async function compare(id: string): Promise<void> {
  const model = compileServedModel(await loadModel(modelDirectory(`${PACKAGE_ROOT}/models`, id)));
  if (model.engine !== 'onnx' || model.vectorWidth) throw new Error(`expected a model without a code, got ${id}`);
  const served = await chooseGraph(model);
  const sessions = { general: await start(model.onnx), served: await start(served) };
  const { scale } = model;
  const area = { x: 0, y: 0, width: SIDE, height: SIDE };
  const pixels = new SharedArrayBuffer((SIDE * scale) ** 2 * 3);
  const destination = { width: SIDE * scale, height: SIDE * scale, pixels };
  const data = Float32Array.from({ length: SIDE ** 2 * 3 }, (_, i) => ((i * 7) % 256) / 255);
  const image = new Tensor('float32', data, [1, SIDE, SIDE, 3]);
  const times: Record<keyof typeof sessions, number[]> = { general: [], served: [] };
  const runOnce = async (form: keyof typeof sessions): Promise<number> => {
    const begun = performance.now();
    const made = await sessions[form].run({ image });
    const { enlarged, subpixels, subpixel_bytes: bytes } = made;
    const floats = (enlarged ?? subpixels) as Tensor;
    const tile = bytes
      ? tileOfSubpixels(floats.data as Float32Array, floats.dims, bytes.data as Uint8Array)
      : tileOfPixels(floats.data as Float32Array, floats.dims);
    writeTile(tile, { ...area, read: area }, scale, destination);
    for (const tensor of Object.values(made)) tensor.dispose();
    return performance.now() - begun;
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (const form of ['general', 'served'] as const) {
      const ms = await runOnce(form);
      if (round >= WARM_UP) times[form].push(ms);
    }
  }
  for (const [form, ms] of Object.entries(times)) {
    console.log(`${id}, ${form}: least ${Math.min(...ms).toFixed(1)} ms, median ${median(ms).toFixed(1)} ms`);
  }
}

for (const id of process.argv.slice(2)) await compare(id);
