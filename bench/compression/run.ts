/**
 * What compression costs and keeps: `ratios` compares methods at shares of removed channels, `latencies` asks for times.
 * Ended experiments are read from OUT, so a run that was stopped goes on; the tables are written anew after each.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { modelDirectory } from '../../src/core/models/load.ts';
import { PACKAGE_ROOT } from '../../src/core/version.ts';
import { latencyOf, psnrOf, runExperiment, type Setup } from './experiment.ts';
import { drawLatencies, formatLatencies, formatRatios, type LatencyOutcome, type RatioOutcome } from './tables.ts';

const USAGE = `npx tsx bench/compression/run.ts ratios|latencies --out DIR [options]

  --model ID       model to compress (default edge-x4)
  --models DIR     folder of model folders (default models)
  --data DIR       folder with train/ and test/ (default $DUALSCALE_DATA, else ../shared/data)
  --photos DIR     photographs instead of those in train/; may be given more than once
  --budget NAME    quick or default (default default)
  --ratios LIST    default 0.3,0.5,0.7
  --methods LIST   default drc,l1 (also: scratch)
  --seeds LIST     default 1,2
  --shares LIST    latency targets relative to the uncompressed model (default 0.3,0.39,0.47,0.56,0.64,0.73,0.81,0.9)
  --at WxH         input whose latency is measured (default 320x180)
  --threads N      default 1
`;

const text = { type: 'string' } as const;
const OPTIONS = {
  out: text,
  model: text,
  models: text,
  data: text,
  budget: text,
  ratios: text,
  methods: text,
  seeds: text,
  shares: text,
  at: text,
  threads: text,
  photos: { type: 'string', multiple: true } as const,
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

const list = (value: string | undefined, byDefault: string): string[] => (value ?? byDefault).split(',');
const numbers = (value: string | undefined, byDefault: string): number[] => list(value, byDefault).map(Number);

function createSetup(values: Values, out: string): Setup {
  const data = resolve(values.data ?? process.env['DUALSCALE_DATA'] ?? join(PACKAGE_ROOT, '..', 'shared', 'data'));
  const sets = ['Set5', 'Set14'].map((set) => [set, join(data, 'test', set)] as const);
  return {
    out: resolve(out),
    model: values.model ?? 'edge-x4',
    at: values.at ?? '320x180',
    modelsDir: resolve(values.models ?? join(PACKAGE_ROOT, 'models')),
    data: values.photos ?? [join(data, 'train', 'photos'), join(data, 'train', 'BSDS500')],
    budget: values.budget === 'quick' ? 'quick' : 'default',
    threads: Number(values.threads ?? 1),
    testSets: Object.fromEntries(sets.filter(([, folder]) => existsSync(folder))),
    log: (message) => process.stderr.write(`${message}\n`),
  };
}

/** Measured once for all experiments of the folder. */
async function remember<Value>(path: string, measure: () => Promise<Value>): Promise<Value> {
  if (existsSync(path)) return JSON.parse(await readFile(path, 'utf8')) as Value;
  const value = await measure();
  await writeFile(path, `${JSON.stringify(value)}\n`);
  return value;
}

async function compareRatios(values: Values, setup: Setup): Promise<void> {
  const { out, modelsDir, model } = setup;
  const base = await remember(join(out, 'base-quality.json'), () => psnrOf(setup, modelsDir, model));
  const outcomes: RatioOutcome[] = [];
  for (const seed of numbers(values.seeds, '1,2')) {
    for (const ratio of numbers(values.ratios, '0.3,0.5,0.7')) {
      for (const method of list(values.methods, 'drc,l1')) {
        const name = `p${Math.round(100 * ratio)}-${method}-${seed}`;
        const args = ['--ratio', String(ratio), '--method', method, '--seed', String(seed), '--at', setup.at];
        outcomes.push({ ...(await runExperiment({ name, args }, setup)), ratio, method, seed });
        const sorted = outcomes.toSorted((a, b) => a.ratio - b.ratio || a.method.localeCompare(b.method));
        await writeFile(join(out, 'ratios.md'), formatRatios(sorted, base));
      }
    }
  }
  process.stdout.write(await readFile(join(out, 'ratios.md'), 'utf8'));
}

async function fitLatencies(values: Values, setup: Setup): Promise<void> {
  const { out, modelsDir, model, threads, at } = setup;
  const { baseMs } = await remember(join(out, 'base.json'), () => latencyOf(setup, modelDirectory(modelsDir, model)));
  const outcomes: LatencyOutcome[] = [];
  for (const share of numbers(values.shares, '0.3,0.39,0.47,0.56,0.64,0.73,0.81,0.9')) {
    const targetMs = Number((share * baseMs).toFixed(2));
    const args = ['--latency', `${targetMs}ms`, '--at', at, '--threads', String(threads)];
    const name = `latency-${Math.round(100 * share)}`;
    outcomes.push({ ...(await runExperiment({ name, args }, setup)), targetMs });
    await writeFile(join(out, 'latencies.md'), formatLatencies(outcomes));
    await writeFile(join(out, 'latencies.svg'), drawLatencies(outcomes));
  }
  process.stdout.write(await readFile(join(out, 'latencies.md'), 'utf8'));
}

const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
const [what] = positionals;
if (values.out === undefined || (what !== 'ratios' && what !== 'latencies')) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  const setup = createSetup(values, values.out);
  await mkdir(setup.out, { recursive: true });
  await (what === 'ratios' ? compareRatios(values, setup) : fitLatencies(values, setup));
}
