/**
 * Whether dual regression helps here: `tsx bench/ablation/run.ts --out DIR [--seeds 2] [--steps 2000]`. Takes an hour on
 * two cores; goes on where it was stopped. Nothing is chosen by the test sets: each run is measured once, at its end.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PACKAGE_ROOT } from '../../src/core/version.ts';
import { renderTable } from '../print.ts';
import { type MeasureOptions, measure, type Outcome } from './measure.ts';
import { writeTestSet, writeUnpaired } from './nearest-lr.ts';
import { dualWeightVariants, unpairedVariants, type Variant } from './variants.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { out: text, data: text, seeds: text, steps: text, workers: text } });
if (values.out === undefined) throw new Error('expected --out to be the folder of the runs');
const out = resolve(values.out);
const dataDir = resolve(values.data ?? process.env['DUALSCALE_DATA'] ?? join(PACKAGE_ROOT, '..', 'shared', 'data'));
const seeds = Array.from({ length: Number(values.seeds ?? 2) }, (_, index) => index + 1);
const steps = Number(values.steps ?? 2000);
const log = (message: string) => console.error(message);

const mean = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
const spread = (numbers: readonly number[]) => Math.max(...numbers) - Math.min(...numbers);

/** One row per setting: the mean over the seeds and, in brackets, how far they lie apart. */
function tabulate(title: string, groups: ReadonlyMap<string, readonly Outcome[]>): string {
  const cell = (numbers: readonly number[]) => `${mean(numbers).toFixed(3)} (${spread(numbers).toFixed(3)})`;
  const rows = [...groups].map(([setting, outcomes]) => ({
    setting,
    runs: outcomes.length,
    'held out dB': cell(outcomes.map(({ validationDb }) => validationDb)),
    ...Object.fromEntries(
      Object.keys(outcomes[0]?.psnrDb ?? {}).map((set) => [
        `${set} dB`,
        cell(outcomes.map(({ psnrDb }) => psnrDb[set] as number)),
      ]),
    ),
  }));
  return renderTable({ title, rows });
}

async function study(variants: readonly Variant[], setting: (variant: Variant) => string, options: MeasureOptions) {
  const groups = new Map<string, Outcome[]>();
  for (const variant of variants) {
    const outcome = await measure(variant, options);
    groups.set(setting(variant), [...(groups.get(setting(variant)) ?? []), outcome]);
  }
  console.log(tabulate(variants[0]?.study as string, groups));
}

async function prepare(): Promise<MeasureOptions> {
  const test = (name: string) => join(dataDir, 'test', name);
  const nearest = (name: string) => join(out, 'nearest', name);
  for (const name of ['Set5', 'Set14']) {
    if (!existsSync(nearest(name))) await writeTestSet(test(name), nearest(name));
  }
  const unpairedDir = join(out, 'unpaired');
  if (!existsSync(unpairedDir)) await writeUnpaired(join(dataDir, 'train', 'BSDS500'), unpairedDir);
  const testSets = {
    Set5: test('Set5'),
    Set14: test('Set14'),
    'Set5 every fourth': nearest('Set5'),
    'Set14 every fourth': nearest('Set14'),
  };
  return {
    out,
    data: [join(dataDir, 'train', 'BSDS500')],
    testSets,
    unpairedDir,
    workers: Number(values.workers ?? 2),
    log,
  };
}

const options = await prepare();
await study(dualWeightVariants(seeds, steps), ({ preset }) => `dual weight ${preset.recipe.dualWeight}`, options);
await study(
  unpairedVariants(seeds, steps),
  ({ adapts }) => (adapts?.isUnpaired ? 'pairs and unpaired pictures' : 'pairs alone'),
  options,
);
