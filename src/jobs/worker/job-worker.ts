/** The process of one job, started by `startJobProcess` with the job's folder. */
import { resolve } from 'node:path';
import { setInterval } from 'node:timers';
import { inspect } from 'node:util';
import { describeMachine } from '../../core/describe-machine.ts';
import { DualscaleError } from '../../core/errors.ts';
import { jobFolder, readJson, replaceJson } from '../queue/job-folder.ts';
import { isUnwritable } from '../queue/storage-error.ts';
import { createWorkLog } from '../queue/work-log.ts';
import type { WorkOrder } from '../queue/work-order.ts';
import { openChildChannel } from './child-process.ts';
import { createChildReport } from './child-report.ts';
import { lowerPriority } from './lower-priority.ts';
import { runRecipe } from './run-recipe.ts';

const MEMORY_CHECK_MS = 2000;

const channel = openChildChannel();
const log = createWorkLog({ now: Date.now, write: (line) => void process.stdout.write(line) });
const folder = jobFolder(resolve(process.argv[2] as string));

/** Outside its folder nobody can do anything about a mistake; a mistake in what was asked for is told. */
async function fail(error: unknown): Promise<void> {
  process.stderr.write(`${inspect(error)}\n`);
  if (error instanceof DualscaleError && error.code === 'DS_ABORTED') process.exit(0);
  if (isUnwritable(error)) await channel.send({ type: 'blocked', message: String(error) });
  else if (error instanceof DualscaleError)
    await channel.send({ type: 'failed', code: error.code, message: error.message });
  process.exit(1);
}

function watchMemory({ memoryMegabytes }: WorkOrder): void {
  setInterval(() => {
    const used = process.memoryUsage.rss() / 2 ** 20;
    if (used < memoryMegabytes) return;
    const message = `expected the job to need at most ${memoryMegabytes} MiB, it needs ${Math.round(used)}`;
    void fail(new DualscaleError('DS_JOB_FAILED', message));
  }, MEMORY_CHECK_MS).unref();
}

async function main(): Promise<void> {
  await channel.go;
  const order = readJson<WorkOrder>(folder.order);
  if (!order) throw new Error(`there is no ${folder.order}`);
  lowerPriority(order.nice);
  watchMemory(order);
  const { type, model } = order.request;
  log.say(`process ${process.pid}: ${type} of ${model}, ${order.threads} threads, ${describeMachine()}`);
  const outcome = await runRecipe({
    order,
    work: folder.work,
    machine: describeMachine(),
    now: Date.now,
    signal: channel.signal,
    report: createChildReport((message) => {
      log.tell(message);
      void channel.send(message);
    }),
  });
  if (outcome) {
    replaceJson(folder.outcome, outcome);
    log.say('the model is made');
    await channel.send({ type: 'done' });
  }
  process.exit(0);
}

main().catch(fail);
