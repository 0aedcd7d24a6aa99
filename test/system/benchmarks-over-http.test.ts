import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../src/cli/serve/server.ts';
import { decodeRgb } from '../../src/core/codec/decode.ts';
import { encode } from '../../src/core/codec/encode.ts';
import { evaluate } from '../../src/core/measure/evaluate.ts';
import type { PixelImage } from '../../src/core/pixels/image.ts';

/**
 * The promise of the shipped models, kept where a user meets it: PNG files behind the server of `npm start`
 * (IPX and the plugin), asked for with `?upscale=`. What a bicubic enlargement reaches is 28.43 / 26.09 / 33.68 dB.
 */
const DATA = process.env['DUALSCALE_DATA'] ?? '../shared/data';
const isHere = existsSync(join(DATA, 'test/Set5/HR'));
const reason = isHere ? '' : ` (skipped: no benchmark images under DUALSCALE_DATA=${DATA})`;

let images: string;
let server: RunningServer;
let served = 0;

beforeAll(async () => {
  if (!isHere) return;
  images = await mkdtemp(join(tmpdir(), 'dualscale-benchmark-'));
  server = await startServer({ imagesDir: images, port: 0, logger: { info() {}, warn() {}, error() {} } });
});

afterAll(async () => {
  await server?.close();
  if (images) await rm(images, { recursive: true });
});

async function enlargeOverHttp(lrImage: PixelImage, scale: number): Promise<PixelImage> {
  served += 1;
  const name = `${served}.png`;
  await writeFile(join(images, name), await encode(lrImage, undefined, { format: 'png' }));
  const response = await fetch(new URL(`photos/${name}?upscale=${scale}`, server.url));
  expect(response.status).toBe(200);
  return decodeRgb(Buffer.from(await response.arrayBuffer()));
}

test.skipIf(!isHere).each([
  { set: 'Set5', scale: 4, least: 31.2 },
  { set: 'Set14', scale: 4, least: 27.9 },
  { set: 'Set5', scale: 2, least: 36.9 },
])(`$set x$scale over HTTP reaches $least dB${reason}`, async ({ set, scale, least }) => {
  const enlarge = (lrImage: PixelImage) => enlargeOverHttp(lrImage, scale);
  const { psnrDb, ssim } = await evaluate({ dataDir: join(DATA, 'test', set), scale, enlarge });
  // biome-ignore lint/suspicious/noConsole: the figure is what the closing note and the README quote
  console.log(`${set} x${scale} over HTTP: ${psnrDb.toFixed(2)} dB, SSIM ${ssim.toFixed(4)}`);
  expect(psnrDb).toBeGreaterThan(least);
});
