/**
 * What `auto` decides on held-out photographs, and what it gains and loses by that: `npx tsx bench/blind-rule.ts --models DIR`.
 * The rule's thresholds (src/core/upscale/degradation-hint.ts) are chosen by this table, never by a benchmark.
 */
import { parseArgs } from 'node:util';
import { compressJpeg } from '../src/core/codec/encode.ts';
import { degrade } from '../src/core/degradation/degrade.ts';
import { parseDegradation } from '../src/core/degradation/parse.ts';
import { decodeDegradation } from '../src/core/degradation/vector.ts';
import { cropToMultiple } from '../src/core/pixels/crop.ts';
import { psnrDb } from '../src/core/pixels/psnr.ts';
import { createRandom } from '../src/core/random.ts';
import { isClean } from '../src/core/upscale/degradation-hint.ts';
import { BLIND_FLAGS, openEnlargers } from './blind/enlargers.ts';
import { readHeldOut } from './blind/held-out.ts';

const { values: flags } = parseArgs({
  options: {
    ...BLIND_FLAGS,
    data: { type: 'string', default: process.env['DUALSCALE_DATA'] ?? '../shared/data' },
    images: { type: 'string', default: '1000' },
    /** Prints every picture as a line of JSON. */
    json: { type: 'boolean', default: false },
  },
});

/** Blur in LR pixels: the same at every scale. */
const BLURS = [0.1, 0.2, 0.3, 0.4, 0.6, 0.9];
const OTHERS = [
  'jpeg:98',
  'jpeg:95',
  'jpeg:90',
  'jpeg:85',
  'jpeg:75',
  'jpeg:60',
  'jpeg:40',
  'noise:1',
  'noise:2',
  'noise:3',
];

interface Seen {
  readonly text: string;
  readonly code: readonly number[];
  readonly plainDb: number;
  readonly blindDb: number;
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;

const enlargers = await openEnlargers({
  models: flags.models,
  blind: flags.blind,
  plainModels: flags['plain-models'],
  plain: flags.plain,
});
const { scale, byName, estimate } = enlargers;

async function look(text: string, images: Awaited<ReturnType<typeof readHeldOut>>): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const [i, image] of images.entries()) {
    const hrImage = cropToMultiple(image, scale);
    const random = createRandom(5, i);
    const lrImage = await degrade(hrImage, parseDegradation(text), { scale, random, compressJpeg });
    const code = await estimate(lrImage);
    const quality = async (name: string) => {
      const srImage = await byName.get(name)?.(lrImage, { code, wrongCode: code });
      return psnrDb(srImage as typeof hrImage, hrImage, { border: scale });
    };
    const plainDb = await quality(flags.plain);
    const blindDb = await quality(`${flags.blind}, told`);
    seen.push({ text, code: [...code], plainDb, blindDb });
  }
  return seen;
}

function row(seen: readonly Seen[]): string {
  const pick = (one: Seen) => (isClean(Float32Array.from(one.code), scale) ? one.plainDb : one.blindDb);
  const estimates = seen.map(({ code }) => decodeDegradation(code, scale));
  const cells = [
    mean(seen.map(({ plainDb }) => plainDb)),
    mean(seen.map(({ blindDb }) => blindDb)),
    mean(seen.map(pick)),
    mean(seen.map(({ plainDb, blindDb }) => Math.max(plainDb, blindDb))),
  ].map((value) => value.toFixed(2));
  const share = mean(seen.map(({ code }) => Number(!isClean(Float32Array.from(code), scale))));
  const guess = [
    mean(estimates.map(({ sigmaX, sigmaY }) => Math.hypot(sigmaX, sigmaY) / Math.SQRT2)).toFixed(2),
    mean(estimates.map(({ noiseSigma }) => noiseSigma)).toFixed(1),
    mean(estimates.map(({ jpegQuality }) => jpegQuality)).toFixed(0),
  ];
  return `| ${seen[0]?.text} | ${[...cells, `${Math.round(100 * share)} %`, ...guess].join(' | ')} |`;
}

try {
  const images = (await readHeldOut(flags.data)).slice(0, Number(flags.images));
  const texts = ['none', ...BLURS.map((width) => `gaussian:${(width * scale).toFixed(1)}`), ...OTHERS];
  if (!flags.json) {
    console.log(
      `| ${images.length} photographs | ${flags.plain} | ${flags.blind} | auto | better of both | to blind | sigma | noise | JPEG |`,
    );
    console.log('|---|---|---|---|---|---|---|---|---|');
  }
  for (const text of texts) {
    const seen = await look(text, images);
    if (flags.json) for (const one of seen) console.log(JSON.stringify(one));
    else console.log(row(seen));
  }
} finally {
  await enlargers.close();
}
