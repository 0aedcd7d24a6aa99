/** Held-out training photographs, as the trainer splits and prepares them: what may be chosen on, unlike benchmarks. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeRgb } from '../../src/core/codec/decode.ts';
import type { PixelImage } from '../../src/core/pixels/image.ts';
import { imresize } from '../../src/core/pixels/imresize.ts';
import { isValidation } from '../../src/trainer/train/data/dataset.ts';

export async function readHeldOut(dataDir: string): Promise<PixelImage[]> {
  const images: PixelImage[] = [];
  for (const folder of ['train/photos', 'train/BSDS500']) {
    for (const file of (await readdir(join(dataDir, folder))).sort()) {
      const bytes = await readFile(join(dataDir, folder, file));
      if (!isValidation(createHash('sha256').update(bytes).digest('hex'), 0.03)) continue;
      const image = await decodeRgb(bytes);
      images.push(image.width * image.height > 400_000 ? imresize(image, { scale: 0.5 }) : image);
    }
  }
  return images;
}
