/** Pictures with detail in every place and direction, different for each number, made without randomness. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from '../../src/core/codec/encode.ts';
import type { PixelImage } from '../../src/core/pixels/image.ts';

export function generatedPhoto(width: number, height: number, number: number): PixelImage {
  const data = new Uint8Array(width * height * 3).map((_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    return 128 + 60 * Math.sin((x * (number + 2)) / 9 + channel) + 50 * Math.cos((y + (number * x) / 6) / 4 + number);
  });
  return { width, height, channels: 3, data };
}

/** Writes `photo-<first>.png` and so on; returns their paths. */
export async function writeGeneratedPhotos(
  folder: string,
  count: number,
  { first = 0, width = 72, height = 64 } = {},
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (let number = first; number < first + count; number++) {
    const path = join(folder, `photo-${number}.png`);
    await writeFile(path, await encode(generatedPhoto(width, height, number), undefined, { format: 'png' }));
    paths.push(path);
  }
  return paths;
}
