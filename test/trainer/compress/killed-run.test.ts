import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadModel } from '../../../src/core/models/load.ts';
import type { CompressEvent, Stage } from '../../../src/trainer/compress/progress.ts';
import { createTinyBox, type TinyBox } from './tiny-compression.ts';

const SCRIPT = fileURLToPath(new URL('./compress-child.ts', import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

let box: TinyBox;
beforeAll(async () => {
  box = await createTinyBox();
});
afterAll(() => rm(box.folder, { recursive: true }));

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly events: readonly CompressEvent[];
}

/** Runs until its end, or until it is killed a moment after the second step of a stage. */
async function run(name: string, killIn?: Stage): Promise<Ended> {
  const settings = { ...box.settings, out: join(box.folder, name), resume: true };
  const child = spawn(process.execPath, ['--import', LOADER, SCRIPT, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const events: CompressEvent[] = [];
  createInterface(child.stdout).on('line', (line) => {
    const event = JSON.parse(line) as CompressEvent;
    events.push(event);
    if (event.type === 'step' && event.stage === killIn && event.step >= 2)
      setTimeout(() => child.kill('SIGKILL'), 20 * Math.random());
  });
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { signal, events };
}

test('a compression that is killed in three stages ends as one that was not', async () => {
  const whole = run('whole');
  for (const stage of ['search', 'prune', 'fine-tune'] as const) {
    expect(await run('killed', stage)).toMatchObject({ signal: 'SIGKILL' });
  }
  const { signal, events } = await run('killed');
  expect(signal).toBeNull();
  expect(events.at(-1)).toMatchObject({ type: 'done', accepted: true });
  const resumed = events.flatMap((event) => (event.type === 'stage' && event.resumed ? [event.stage] : []));
  expect(resumed.slice(0, 5)).toEqual(['plan', 'duals', 'search', 'fit', 'prune']);
  await whole;
  const digest = async (name: string) => (await loadModel(join(box.folder, name, 'tiny-x2-p50'))).digest;
  expect(await digest('killed')).toBe(await digest('whole'));
}, 300_000);
