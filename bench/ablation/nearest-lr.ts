/** A degradation the base model has not seen: every fourth pixel is taken, nothing is averaged. */
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { readRgbFile } from '../../src/core/codec/decode.ts';
import { encode } from '../../src/core/codec/encode.ts';
import type { PixelImage } from '../../src/core/pixels/image.ts';

/** The pixel whose centre is nearest to the LR pixel's (of the two middle ones the later): no shift by more than half an HR pixel. */
function takeEveryFourth({ width, height, channels, data }: PixelImage): PixelImage {
  const [columns, rows] = [Math.floor(width / 4), Math.floor(height / 4)];
  const reduced = new Uint8Array(columns * rows * channels);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const from = ((y * 4 + 2) * width + x * 4 + 2) * channels;
      for (let c = 0; c < channels; c++) reduced[(y * columns + x) * channels + c] = data[from + c] as number;
    }
  }
  return { width: columns, height: rows, channels, data: reduced };
}

async function reduceFile(from: string, folder: string): Promise<void> {
  const png = await encode(takeEveryFourth(await readRgbFile(from)), undefined, { format: 'png' });
  await writeFile(join(folder, `${parse(from).name}.png`), png);
}

/** LR pictures of every file in `from`, whose ground truth the training then never sees. */
export async function writeUnpaired(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const names = (await readdir(from)).filter((name) => /\.(jpe?g|png)$/i.test(name)).sort();
  for (const name of names) await reduceFile(join(from, name), to);
}

/** A test set like `from` whose LR pictures are made so; laid out as `evaluate` reads it. */
export async function writeTestSet(from: string, to: string): Promise<void> {
  const lrFolder = join(to, 'LR_bicubic', 'X4');
  await mkdir(lrFolder, { recursive: true });
  await cp(join(from, 'HR'), join(to, 'HR'), { recursive: true });
  const names = await readdir(join(to, 'HR'));
  for (const name of names) await reduceFile(join(to, 'HR', name), lrFolder);
}
