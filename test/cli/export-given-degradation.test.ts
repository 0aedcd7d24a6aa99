import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { compileServedModel } from '../../src/core/engine/served/served-model.ts';
import { loadModel } from '../../src/core/models/load.ts';
import { createUpscaler } from '../../src/core/upscale/upscale.ts';
import { PACKAGE_ROOT } from '../../src/core/version.ts';
import { testPixels } from '../helpers/http-host.ts';
import { runCli } from '../helpers/run-cli.ts';

test('a blind model exported with --given-degradation makes of picture and code what a server makes of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dualscale-export-'));
  const out = join(folder, 'given.onnx');
  const { code: exitCode, stdout } = await runCli([
    'export',
    '--model',
    'edge-blind-x2',
    '--out',
    out,
    '--given-degradation',
    '--size',
    '20x16',
  ]);
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining('image [1, 16, 20, 3], code [1, 1, 1, 5]')]);
  const lrImage = testPixels(20, 16);
  const model = compileServedModel(await loadModel(join(PACKAGE_ROOT, 'models', 'edge-blind-x2')));
  const upscaler = await createUpscaler({ provider: 'cpu', workers: 1 });
  const session = await ort.InferenceSession.create(out);
  const image = new ort.Tensor(
    'float32',
    Float32Array.from(lrImage.data, (value) => value / 255),
    [1, 16, 20, 3],
  );
  const pictures: string[] = [];
  for (const numbers of [
    [0, 0, 0, 0, 0],
    [0.9, 0.2, -0.1, 0.3, 0.2],
  ]) {
    const code = Float32Array.from(numbers);
    const { enlarged } = (await session.run({ image, code: new ort.Tensor('float32', code, [1, 1, 1, 5]) })) as {
      enlarged: ort.Tensor;
    };
    const { data } = await upscaler.upscale(lrImage as never, model, { vector: code });
    let largest = 0;
    for (const [i, value] of (enlarged.data as Float32Array).entries()) {
      largest = Math.max(largest, Math.abs(Math.min(Math.max(value, 0), 1) * 255 - (data[i] as number)));
    }
    expect(largest).toBeLessThan(0.51);
    pictures.push(Buffer.from(data).toString('base64'));
  }
  expect(new Set(pictures).size).toBe(2);
  await session.release();
  await upscaler.close();
  await rm(folder, { recursive: true });
});
