import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadModel } from '../../src/core/models/load.ts';
import { readSafetensors } from '../../src/core/models/safetensors.ts';
import { readRunLog } from '../../src/trainer/train/run/run-log.ts';
import { checkpointPath } from '../../src/trainer/train/train-model.ts';
import { writeGeneratedPhotos } from '../helpers/generated-photos.ts';
import { type CliResult, runCli, startCli } from '../helpers/run-cli.ts';
import { TINY } from '../trainer/train/tiny-recipe.ts';

const STEPS = 200;
const EVERY = 4;
const KILLS = 10;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dualscale-resume-'));
  await writeGeneratedPhotos(join(folder, 'photos'), 4);
  const schedule = { ...TINY.recipe.schedule, steps: STEPS };
  // Batches so large that the run outlasts ten kills.
  const recipe = { ...TINY.recipe, schedule, batchSize: 16, checkpointEvery: EVERY, validateEvery: 50 };
  await writeFile(join(folder, 'tiny.json'), JSON.stringify({ ...TINY, recipe }));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const out = (name: string) => join(folder, name);
const train = (name: string, ...more: string[]) => [
  ...['train', '--spec', join(folder, 'tiny.json'), '--data', join(folder, 'photos'), '--out', out(name)],
  ...['--workers', '2', ...more],
];

async function checkpointStep(name: string): Promise<number> {
  const bytes = await readFile(checkpointPath(out(name))).catch(() => undefined);
  return bytes ? Number(readSafetensors(bytes).metadata['step']) : 0;
}

/** Starts a run and sends it a signal at some moment after it has gone beyond the checkpoint it found. */
async function interrupt(name: string, signal: NodeJS.Signals, more: readonly string[] = []): Promise<CliResult> {
  const before = await checkpointStep(name);
  const { child, result } = startCli(train(name, ...more));
  while ((await checkpointStep(name)) <= before && child.exitCode === null) await sleep(5);
  await sleep(Math.random() * 100);
  child.kill(signal);
  return result;
}

/** The log's means; those that a kill cut in two sum up fewer steps than others. */
const steps = (name: string) =>
  readRunLog(join(out(name), 'log.jsonl')).flatMap((record) => {
    if (record.type !== 'steps') return [];
    const { step, steps: count, primalLoss, dualLoss, gradientNorm } = record;
    return [{ step, count, primalLoss, dualLoss, gradientNorm }];
  });

describe('a run that is killed and resumed', () => {
  test('ten times at random moments ends with the bits of one that was not', async () => {
    const whole = runCli(train('whole'));
    const killed: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const { signal } = await interrupt('killed', 'SIGKILL', kill === 0 ? [] : ['--resume']);
      expect(signal).toBe('SIGKILL');
      killed.push(await checkpointStep('killed'));
    }
    for (const step of killed) {
      expect(step % EVERY).toBe(0);
      expect(step).toBeLessThan(STEPS);
    }
    expect((await runCli(train('killed', '--resume'))).code).toBe(0);
    expect((await whole).code).toBe(0);

    const read = (name: string) => readFile(checkpointPath(out(name)));
    expect((await read('killed')).equals(await read('whole'))).toBe(true);
    const digest = async (name: string) => (await loadModel(join(out(name), 'tiny-x2'))).digest;
    expect(await digest('killed')).toBe(await digest('whole'));
    // No step is missing from the log and none is there twice.
    const [killedSteps, wholeSteps] = [steps('killed'), steps('whole')];
    expect(killedSteps.map(({ step }) => step)).toEqual(wholeSteps.map(({ step }) => step));
    const uncut = killedSteps.filter(({ count }) => count === 10);
    expect(uncut.length).toBeGreaterThan(0);
    for (const record of uncut) expect(wholeSteps).toContainEqual(record);
  }, 120_000);

  test('is saved by the way when it is asked to stop', async () => {
    const { code, stderr } = await interrupt('stopped', 'SIGTERM');
    expect(code).toBe(143);
    const step = await checkpointStep('stopped');
    expect(stderr).toContain(`stopped after step ${step}; the same command with --resume`);
    await expect(stat(join(out('stopped'), 'tiny-x2'))).rejects.toThrow('ENOENT');
  });
});
