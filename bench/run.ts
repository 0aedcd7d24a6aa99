/** `npm run bench`: all benchmarks one after another, or those that are named. */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PACKAGE_ROOT } from '../src/core/version.ts';
import { compareWithRef } from './against.ts';
import { type Benchmark, type BenchOptions, type BenchResult, renderGoals, renderTable } from './benchmark.ts';
import { cached } from './cached.ts';
import { compile } from './compile.ts';
import { eventLoop } from './event-loop.ts';
import { inference } from './inference.ts';
import { describeMachine } from './machine.ts';
import { overloaded } from './overload.ts';
import { sustained } from './sustained.ts';
import { trainScaling } from './train-scaling.ts';
import { trainStep } from './train-step.ts';

const BENCHMARKS: readonly Benchmark[] = [
  compile,
  inference,
  eventLoop,
  cached,
  sustained,
  overloaded,
  trainStep,
  trainScaling,
];

const USAGE = `npm run bench -- [${BENCHMARKS.map(({ name }) => name).join('|')} ...] [options]

  --model ID     x4 model under test (default edge-x4)
  --models DIR   folder of model folders (default models)
  --data DIR     folder with test/Set5 (default $DUALSCALE_DATA, else ../shared/data)
  --python FILE  interpreter with PyTorch, the peer of train-step (default $DUALSCALE_PYTHON, else python3 or /usr/bin/python3)
  --minutes N    minutes of overload (default 1); --seconds N makes them shorter, to try it out
  --json FILE    also write everything there
  --against REF  compare with another commit: both in turns, each with its own benchmark (name at least one)
  --pairs N      runs of each commit with --against (default 5)
`;

class UsageError extends Error {}

function chooseBenchmarks(names: readonly string[]): readonly Benchmark[] {
  const unknown = names.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (unknown !== undefined) {
    throw new UsageError(`expected ${BENCHMARKS.map(({ name }) => name).join(', ')}, got \`${unknown}\``);
  }
  return names.length === 0 ? BENCHMARKS : BENCHMARKS.filter(({ name }) => names.includes(name));
}

function readArguments() {
  const text = { type: 'string' } as const;
  const options = {
    model: text,
    models: text,
    data: text,
    python: text,
    json: text,
    minutes: text,
    seconds: text,
    against: text,
    pairs: text,
    help: { type: 'boolean' },
  } as const;
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    return { values, names: positionals, benchmarks: chooseBenchmarks(positionals) };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

type Values = ReturnType<typeof readArguments>['values'];

function toOptions(values: Values): BenchOptions {
  const python = values.python ?? process.env['DUALSCALE_PYTHON'];
  return {
    modelsDir: resolve(values.models ?? join(PACKAGE_ROOT, 'models')),
    modelId: values.model ?? 'edge-x4',
    dataDir: resolve(values.data ?? process.env['DUALSCALE_DATA'] ?? join(PACKAGE_ROOT, '..', 'shared', 'data')),
    // Distributions install PyTorch for their own interpreter, which version managers hide.
    pythons: python === undefined ? ['python3', '/usr/bin/python3'] : [python],
    overloadMinutes: values.minutes === undefined ? undefined : Number(values.minutes),
    overloadSeconds: values.seconds === undefined ? undefined : Number(values.seconds),
    log: (message) => console.error(message),
  };
}

function print(results: readonly BenchResult[]): void {
  for (const { tables, notes } of results) {
    for (const table of tables) console.log(`\n${renderTable(table)}`);
    for (const note of notes) console.log(`  ${note}`);
  }
  const goals = results.flatMap((result) => result.goals);
  if (goals.length > 0) console.log(`\n${renderGoals(goals)}`);
}

/** Options that both commits get. Without --data quality is left out: only times are compared. */
function sharedArguments({ model, python, minutes, seconds, data = '/nowhere' }: Values): string[] {
  return Object.entries({ model, python, minutes, seconds, data }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, name === 'data' ? resolve(value) : value],
  );
}

async function runAgainst(ref: string, values: Values, names: readonly string[], log: (message: string) => void) {
  if (names.length === 0) throw new UsageError('expected the names of benchmarks before --against');
  const pairs = Number(values.pairs ?? 5);
  if (!(Number.isInteger(pairs) && pairs > 0)) throw new UsageError(`expected --pairs from 1, got \`${values.pairs}\``);
  const tables = await compareWithRef({ ref, names, args: sharedArguments(values), pairs, log });
  for (const table of tables) console.log(`\n${renderTable(table)}`);
  console.log(`Medians of ${pairs} runs each; a change below 3 % counts as none.`);
  return tables;
}

async function main(): Promise<void> {
  const { values, names, benchmarks } = readArguments();
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const options = toOptions(values);
  const machine = describeMachine(new Date());
  for (const [name, value] of Object.entries(machine)) console.log(`${name.padEnd(16)} ${value}`);
  if (machine.loadAverage1Min > 0.2)
    options.log('the machine is not idle: these figures are for looking, not for keeping');
  const report =
    values.against === undefined
      ? await runAll(benchmarks, options)
      : { comparison: await runAgainst(values.against, values, names, options.log) };
  if (values.json !== undefined) {
    const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim();
    await writeFile(values.json, `${JSON.stringify({ machine, command, ...report }, null, 2)}\n`);
  }
}

async function runAll(benchmarks: readonly Benchmark[], options: BenchOptions): Promise<Record<string, BenchResult>> {
  const results: Record<string, BenchResult> = {};
  for (const benchmark of benchmarks) {
    const start = performance.now();
    options.log(`\n${benchmark.name} ...`);
    results[benchmark.name] = await benchmark.run(options);
    options.log(`${benchmark.name}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
  }
  print(Object.values(results));
  return results;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
