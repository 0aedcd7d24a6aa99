/** `npm run bench -- NAME --against REF`: the same benchmark of two commits in turns, so that a busy machine slows both. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../src/core/measure/percentile.ts';
import { PACKAGE_ROOT } from '../src/core/version.ts';
import type { BenchResult, Row, Table } from './benchmark.ts';

export interface AgainstOptions {
  readonly ref: string;
  readonly names: readonly string[];
  /** Passed on to both. */
  readonly args: readonly string[];
  readonly pairs: number;
  readonly log: (message: string) => void;
}

/** Changes below this share count as none. */
const TOLERANCE = 0.03;

interface Figure {
  readonly value: number;
  readonly better: 'higher' | 'lower';
}

/** The figures of one run by the names of their row and column. */
type Figures = ReadonlyMap<string, Figure>;

const git = (...args: string[]) => execFileSync('git', args, { cwd: PACKAGE_ROOT, encoding: 'utf8' }).trim();

export async function compareWithRef({ ref, names, args, pairs, log }: AgainstOptions): Promise<Table[]> {
  const commit = git('rev-parse', '--short', `${ref}^{commit}`);
  const folder = mkdtempSync(join(tmpdir(), 'dualscale-against-'));
  const other = join(folder, 'checkout');
  const json = join(folder, 'result.json');
  try {
    git('worktree', 'add', '--quiet', '--detach', other, commit);
    symlinkSync(realpathSync(join(PACKAGE_ROOT, 'node_modules')), join(other, 'node_modules'), 'junction');
    const tables: Table[] = [];
    for (const name of names) {
      const before: Figures[] = [];
      const now: Figures[] = [];
      for (let pair = 1; pair <= pairs; pair++) {
        log(`${name}, pair ${pair} of ${pairs}`);
        const runBefore = async () => before.push(await runOnce(other, name, args, json));
        const runNow = async () => now.push(await runOnce(PACKAGE_ROOT, name, args, json));
        // They alternate in going first, because the second run finds a warmer machine.
        const turns = pair % 2 === 1 ? [runBefore, runNow] : [runNow, runBefore];
        for (const turn of turns) await turn();
      }
      tables.push({ title: `${name}: this checkout against ${commit}`, rows: compare(before, now) });
    }
    return tables;
  } finally {
    rmSync(other, { recursive: true, force: true });
    git('worktree', 'prune');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The benchmark as its own commit has it, in a process of its own. */
async function runOnce(cwd: string, name: string, args: readonly string[], json: string): Promise<Figures> {
  const command = ['--import', 'tsx', 'bench/run.ts', name, ...args, '--json', json];
  const child = spawn(process.execPath, command, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${name} in ${cwd} ended with ${code}:\n${stderr}`);
  const report = JSON.parse(readFileSync(json, 'utf8')) as Record<string, BenchResult>;
  return toFigures(report[name] as BenchResult);
}

function toFigures({ tables }: BenchResult): Figures {
  const figures = new Map<string, Figure>();
  for (const { rows } of tables) {
    for (const row of rows) {
      const label = describeRow(row);
      for (const [column, value] of Object.entries(row)) {
        const better = directionOf(column);
        if (typeof value === 'number' && better) figures.set(`${label}${column}`, { value, better });
      }
    }
  }
  return figures;
}

/** The texts and settings of a row tell it from the others. */
function describeRow(row: Row): string {
  const settings = ['clients', 'threads', 'minute'].filter((name) => row[name] !== undefined);
  const texts = Object.values(row).filter((value) => typeof value === 'string');
  const parts = [...texts, ...settings.map((name) => `${name} ${row[name]}`)];
  return parts.length === 0 ? '' : `${parts.join(', ')}: `;
}

/** Undefined for a setting or a count, which is not compared. */
function directionOf(column: string): 'higher' | 'lower' | undefined {
  if (column === 'asked/s') return undefined;
  if (/\/s$|^ratio$|^x slim$/.test(column)) return 'higher';
  return /\bms$|\bms\/|\bMB$|\bMiB$/.test(column) ? 'lower' : undefined;
}

function compare(before: readonly Figures[], after: readonly Figures[]): Row[] {
  const valuesOf = (runs: readonly Figures[], name: string) => runs.map((run) => run.get(name)?.value ?? Number.NaN);
  const shared = [...after[0]].filter(([name]) => before[0].has(name));
  return shared.map(([name, { better }]) => {
    const old = valuesOf(before, name);
    const now = valuesOf(after, name);
    const ratios = now.map((value, i) => value / old[i]);
    const ratio = median(ratios);
    return {
      figure: name,
      before: median(old),
      'before min-max': range(old),
      now: median(now),
      'now min-max': range(now),
      'now/before': ratio,
      'ratio min-max': range(ratios),
      verdict: judge(better === 'higher' ? ratio : 1 / ratio),
    };
  });
}

const range = (values: readonly number[]): string => `${toText(Math.min(...values))}-${toText(Math.max(...values))}`;

const toText = (value: number): string => String(Number(value.toPrecision(3)));

/** @param gain above 1 where this checkout is better */
function judge(gain: number): string {
  if (gain > 1 + TOLERANCE) return 'better';
  return gain < 1 - TOLERANCE ? 'WORSE' : 'same';
}
