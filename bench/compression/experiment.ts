/** One compression by the real command, in a process of its own, and what is measured of its result afterwards. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelDirectory } from '../../src/core/models/load.ts';
import { PACKAGE_ROOT } from '../../src/core/version.ts';
import type { CompressReport } from '../../src/trainer/compress/result/report.ts';
import type { Latencies } from './latency-case.ts';

export interface Setup {
  readonly modelsDir: string;
  readonly model: string;
  readonly data: readonly string[];
  readonly out: string;
  readonly budget: 'quick' | 'default';
  /** Folders of test sets by name. */
  readonly testSets: Readonly<Record<string, string>>;
  /** Input whose latency is measured. */
  readonly at: string;
  readonly threads: number;
  readonly log: (message: string) => void;
}

export interface Experiment {
  /** Also the name of its folder. */
  readonly name: string;
  /** Options of `compress` that say what is asked for. */
  readonly args: readonly string[];
}

export interface Outcome {
  readonly name: string;
  readonly report: CompressReport;
  /** PSNR in dB by the name of the test set. */
  readonly psnrDb: Readonly<Record<string, number>>;
  /** In a process of its own. */
  readonly latencies: Latencies;
}

/** Standard output of a script of ours. */
async function runScript(script: string, args: readonly string[], allowed: readonly number[] = [0]): Promise<string> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(PACKAGE_ROOT, script), ...args], {
    cwd: PACKAGE_ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === null || !allowed.includes(code)) throw new Error(`${script} ${args.join(' ')} ended with ${code}`);
  return text;
}

const dualscale = (args: readonly string[], allowed?: readonly number[]) => runScript('src/cli/main.ts', args, allowed);

export async function psnrOf(setup: Setup, models: string, model: string): Promise<Record<string, number>> {
  const psnrDb: Record<string, number> = {};
  for (const [name, folder] of Object.entries(setup.testSets)) {
    const text = await dualscale(['eval', '--models', models, '--model', model, '--data', folder, '--json']);
    psnrDb[name] = (JSON.parse(text) as { readonly psnrDb: number }).psnrDb;
  }
  return psnrDb;
}

/** In a new process, in turns with the uncompressed model. */
export async function latencyOf({ at, threads, modelsDir, model }: Setup, directory: string): Promise<Latencies> {
  const [base, size] = [modelDirectory(modelsDir, model), at.split('x')];
  return JSON.parse(await runScript('bench/compression/latency-case.ts', [directory, base, ...size, String(threads)]));
}

const TABLES = 'latency-tables.json';

/** One table for all experiments: what they predict must not differ by the moment of measuring. */
async function shareTables(from: string, to: string): Promise<void> {
  if (existsSync(join(from, TABLES)) && !existsSync(join(to, TABLES))) {
    await copyFile(join(from, TABLES), join(to, TABLES));
  }
}

/** An experiment that ended before is read from its folder; one that was stopped goes on. */
export async function runExperiment({ name, args }: Experiment, setup: Setup): Promise<Outcome> {
  const { modelsDir, model, data, budget, log } = setup;
  const out = join(setup.out, name);
  const path = join(out, 'outcome.json');
  if (existsSync(path)) return JSON.parse(await readFile(path, 'utf8')) as Outcome;
  log(name);
  await mkdir(out, { recursive: true });
  await shareTables(setup.out, out);
  const common = ['--models', modelsDir, '--model', model, '--data', ...data, '--out', out, '--budget', budget];
  // What a method costs is to be seen: what it is rejected for is in the report.
  await dualscale(['compress', ...common, '--max-psnr-drop', '99', '--resume', ...args], [0, 1]);
  await shareTables(out, setup.out);
  const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as CompressReport;
  const folder = join(report.directory, '..');
  const outcome: Outcome = {
    name,
    report,
    psnrDb: await psnrOf(setup, folder, report.result.id),
    latencies: await latencyOf(setup, report.directory),
  };
  await writeFile(path, `${JSON.stringify(outcome, null, 2)}\n`);
  return outcome;
}
