import { expect, test } from 'vitest';
import { compileServedModel } from '../../../src/core/engine/served/served-model.ts';
import { createNetwork, initialiseParameters } from '../../../src/core/network/create-network.ts';
import { createRandom } from '../../../src/core/random.ts';
import { createUpscaler } from '../../../src/core/upscale/upscale.ts';

const PICTURES = 25;
const SIDE = 256;
const SCALE = 8;
const BYTES = SIDE ** 2 * 3 * (1 + SCALE ** 2);

test('memory does not grow with the pictures served, and no garbage collector is exposed in the host', async () => {
  // One channel: nearly all of the time goes into the memory.
  const spec = { family: 'edge', scale: SCALE, featureCount: 1, innerWidths: [1] } as const;
  const parameters = initialiseParameters(createNetwork(spec), createRandom(1));
  const manifest = { id: 'small', spec, macs: { perLrPixel: 1e3 } };
  const model = compileServedModel({ manifest, parameters, digest: 'worker-memory' });
  const upscaler = await createUpscaler({ provider: 'cpu', workers: 2 });
  const picture = {
    width: SIDE,
    height: SIDE,
    channels: 3,
    top: 0,
    rows: SIDE,
    data: new Uint8Array(SIDE ** 2 * 3),
  } as const;
  const enlarge = async () => {
    const { data } = await upscaler.upscaleRows(picture, model, { memory: upscaler.memory });
    upscaler.memory.give(data.buffer as SharedArrayBuffer);
  };
  try {
    for (let i = 0; i < 5; i++) await enlarge();
    const before = process.memoryUsage.rss();
    let most = before;
    for (let i = 0; i < PICTURES; i++) {
      await enlarge();
      most = Math.max(most, process.memoryUsage.rss());
    }
    expect(most - before).toBeLessThan(0.25 * PICTURES * BYTES);
    expect((globalThis as { gc?: unknown }).gc).toBeUndefined();
  } finally {
    await upscaler.close();
  }
});
