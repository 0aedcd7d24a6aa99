/**
 * The tables of docs/blind.md, as Markdown: `npx tsx bench/blind-tables.ts --models DIR --blind edge-blind-x4`.
 * What was measured is kept in a file beside (`--state`, default blind-tables.json) and not measured again.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readRgbFile } from '../src/core/codec/decode.ts';
import { compressJpeg } from '../src/core/codec/encode.ts';
import { degrade } from '../src/core/degradation/degrade.ts';
import { decodeDegradation } from '../src/core/degradation/vector.ts';
import { median } from '../src/core/measure/percentile.ts';
import { cropToMultiple } from '../src/core/pixels/crop.ts';
import type { PixelImage } from '../src/core/pixels/image.ts';
import { psnrDb } from '../src/core/pixels/psnr.ts';
import { createRandom } from '../src/core/random.ts';
import { type Case, listTables, type Table } from './blind/cases.ts';
import { BLIND_FLAGS, type Enlargers, openEnlargers } from './blind/enlargers.ts';
import { readHeldOut } from './blind/held-out.ts';

const { values: flags } = parseArgs({
  options: {
    ...BLIND_FLAGS,
    data: { type: 'string', default: process.env['DUALSCALE_DATA'] ?? '../shared/data' },
    state: { type: 'string', default: 'blind-tables.json' },
    only: { type: 'string' },
    images: { type: 'string', default: '1000' },
  },
});

const state: Record<string, number> = existsSync(flags.state) ? JSON.parse(readFileSync(flags.state, 'utf8')) : {};

function keep(key: string, value: number): void {
  state[key] = value;
  writeFileSync(flags.state, JSON.stringify(state, null, 1));
}

async function readSet(set: string, scale: number): Promise<PixelImage[]> {
  const folder = join(flags.data, 'test', set, 'HR');
  const files = (await readdir(folder)).sort().slice(0, Number(flags.images));
  return Promise.all(files.map(async (file) => cropToMultiple(await readRgbFile(join(folder, file)), scale)));
}

/** Mean PSNR of every enlarger over a set under one case. */
async function measureCase(
  table: Table,
  index: number,
  images: readonly PixelImage[],
  enlargers: Enlargers,
): Promise<void> {
  const { degradation, code, wrongCode } = table.cases[index] as Case;
  const keyOf = (name: string) => `${flags.blind} ${table.id} ${index} ${name}`;
  const missing = [...enlargers.byName].filter(([name]) => state[keyOf(name)] === undefined);
  if (missing.length === 0) return;
  const { scale } = enlargers;
  const lrImages: PixelImage[] = [];
  for (const [i, image] of images.entries()) {
    lrImages.push(await degrade(image, degradation, { scale, random: createRandom(1, i), compressJpeg }));
  }
  for (const [name, enlarge] of missing) {
    let sum = 0;
    for (const [i, lrImage] of lrImages.entries()) {
      sum += psnrDb(await enlarge(lrImage, { code, wrongCode }), images[i] as PixelImage, { border: scale });
    }
    keep(keyOf(name), sum / lrImages.length);
  }
}

function printTable({ id, title, cases }: Table, names: readonly string[]): void {
  const columns = [...new Set(cases.map(({ name }) => name))];
  const cell = (name: string, column: string): string => {
    const found = cases.flatMap((one, index) =>
      one.name === column ? [state[`${flags.blind} ${id} ${index} ${name}`] as number] : [],
    );
    return (found.reduce((sum, value) => sum + value, 0) / found.length).toFixed(2);
  };
  console.log(`\n### ${title}\n`);
  console.log(`| PSNR dB | ${columns.join(' | ')} |`);
  console.log(`|---|${columns.map(() => '---').join('|')}|`);
  for (const name of names) console.log(`| ${name} | ${columns.map((column) => cell(name, column)).join(' | ')} |`);
}

const DRAWS = 3;

/** How far the estimated sigma is from the true one, in pixels of the enlarged picture. */
async function measureEstimates({ scale, estimate }: Enlargers): Promise<void> {
  const errors: number[] = [];
  for (const [i, image] of (await readHeldOut(flags.data)).slice(0, Number(flags.images)).entries()) {
    for (let draw = 0; draw < DRAWS; draw++) {
      const key = `${flags.blind} estimate ${i} ${draw}`;
      if (state[key] === undefined) {
        const random = createRandom(77, i, draw);
        const sigmaX = (0.05 + 0.95 * random()) * scale;
        const hrImage = cropToMultiple(image, scale);
        const lrImage = await degrade(hrImage, { blur: { sigmaX, size: 21 } }, { scale, random });
        const found = decodeDegradation(await estimate(lrImage), scale);
        keep(key, Math.abs(Math.sqrt((found.sigmaX ** 2 + found.sigmaY ** 2) / 2) - sigmaX));
      }
      errors.push(state[key] as number);
    }
  }
  const mean = errors.reduce((sum, value) => sum + value, 0) / errors.length;
  console.log(`\n### the estimated sigma, held-out photographs\n`);
  console.log(
    `${errors.length} pictures, sigma 0.05 to 1 LR pixels: median error ${median(errors).toFixed(3)}, mean ${mean.toFixed(3)} pixels of the enlarged picture`,
  );
}

const enlargers = await openEnlargers({
  models: flags.models,
  blind: flags.blind,
  plainModels: flags['plain-models'],
  plain: flags.plain,
});
try {
  const tables = await listTables(enlargers.scale, join(flags.data, 'kernels/kernels_12.mat'));
  for (const table of tables.filter(({ id }) => flags.only === undefined || id === flags.only)) {
    const images = await readSet(table.set, enlargers.scale);
    for (const index of table.cases.keys()) await measureCase(table, index, images, enlargers);
    printTable(table, [...enlargers.byName.keys()]);
  }
  if (flags.only === undefined || flags.only === 'estimate') await measureEstimates(enlargers);
} finally {
  await enlargers.close();
}
