/** The process of one job, started by `startJobProcess` with the job's folder. */
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { resolve } from 'node:path';
import { setInterval } from 'node:timers';
import { inspect } from 'node:util';
import { describeMachine } from '../../core/describe-machine.ts';
import { DualscaleError } from '../../core/errors.ts';
import { readJson, writeJson } from '../json-file.ts';
import { jobFolder } from '../queue/job-folder.ts';
import type { JobSpec } from '../queue/job-spec.ts';
import { isUnwritable } from '../queue/storage-error.ts';
import { JobReporter, openChildChannel } from './child-channel.ts';
import { runCompressJob } from './compress-job.ts';
import { runTrainJob } from './train-job.ts';
import { WorkLog } from './work-log.ts';

const MEMORY_CHECK_MS = 2000;

const channel = openChildChannel();
const log = new WorkLog(Date.now, (line) => void process.stdout.write(line));
const folder = jobFolder(resolve(process.argv[2] as string));

/** A mistake in the request is reported to the server; for any other the process ends, and is tried again. */
async function fail(error: unknown): Promise<void> {
  process.stderr.write(`${inspect(error)}\n`);
  if (error instanceof DualscaleError && error.code === 'DS_ABORTED') process.exit(0);
  if (isUnwritable(error)) await channel.send({ type: 'blocked', message: String(error) });
  else if (error instanceof DualscaleError)
    await channel.send({ type: 'failed', code: error.code, message: error.message });
  process.exit(1);
}

/**
 * Lets every other process go first. On Linux a priority belongs to a thread: those that run already are set one by one,
 * later ones inherit it.
 */
function lowerPriority(nice: number): void {
  const threads = process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [0];
  for (const thread of threads) {
    try {
      setPriority(thread, nice);
    } catch {
      // A thread that has ended meanwhile.
    }
  }
}

function watchMemory(memoryMegabytes: number): void {
  setInterval(() => {
    const used = process.memoryUsage.rss() / 2 ** 20;
    if (used < memoryMegabytes) return;
    const message = `expected the job to need at most ${memoryMegabytes} MiB, it needs ${Math.round(used)}`;
    void fail(new DualscaleError('DS_JOB_FAILED', message));
  }, MEMORY_CHECK_MS).unref();
}

async function main(): Promise<void> {
  await channel.go;
  const spec = await readJson<JobSpec>(folder.spec);
  if (!spec) throw new Error(`there is no ${folder.spec}`);
  lowerPriority(spec.nice);
  watchMemory(spec.memoryMegabytes);
  const { type, model } = spec.request;
  const machine = describeMachine();
  log.line(`process ${process.pid}: ${type} of ${model}, ${spec.threads} threads, ${machine}`);
  const report = new JobReporter((message) => {
    log.message(message);
    void channel.send(message);
  });
  const context = { spec, work: folder.work, machine, now: Date.now, signal: channel.signal, report };
  const output = await (type === 'compress' ? runCompressJob(context) : runTrainJob(context));
  if (output) {
    await writeJson(folder.output, output);
    log.line('the model is made');
    await channel.send({ type: 'done' });
  }
  process.exit(0);
}

main().catch(fail);
