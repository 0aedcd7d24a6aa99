/** A folder of pictures and a plugin, for one test file of hosts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll } from 'vitest';
import type { DualscaleOptions } from '../../../src/server/options.ts';
import { encoder } from '../../helpers/http-host.ts';
import { HEIGHT, usePlugin, WIDTH } from '../../helpers/plugin-fixture.ts';

/** Of every pixel of `alpha.png`. */
export const ALPHA = 128;
/** Of `big.png`, which takes long enough to leave meanwhile. */
const BIG_SIDE = 600;

async function animatedWebp(): Promise<Buffer> {
  const frame = await encoder(8, 8).png().toBuffer();
  const frames = [frame, await sharp(frame).negate().png().toBuffer()];
  return sharp(frames, { join: { animated: true } })
    .webp()
    .toBuffer();
}

async function writePictures(folder: string): Promise<void> {
  const photo = () => encoder(WIDTH, HEIGHT);
  const files: Readonly<Record<string, Buffer | string>> = {
    'photo.png': await photo().png().toBuffer(),
    'photo.jpg': await photo().jpeg({ quality: 95 }).toBuffer(),
    'alpha.png': await photo()
      .ensureAlpha(ALPHA / 255)
      .png()
      .toBuffer(),
    'animated.webp': await animatedWebp(),
    'logo.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
    'big.png': await encoder(BIG_SIDE, BIG_SIDE).png().toBuffer(),
  };
  for (const [name, body] of Object.entries(files)) await writeFile(join(folder, name), body);
}

export function usePictures(options: DualscaleOptions = {}) {
  const plugin = usePlugin(options);
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dualscale-pictures-'));
    await writePictures(folder);
  });

  afterAll(() => rm(folder, { recursive: true }));

  return {
    get folder() {
      return folder;
    },
    get dualscale() {
      return plugin.dualscale;
    },
    create: plugin.create,
  };
}
