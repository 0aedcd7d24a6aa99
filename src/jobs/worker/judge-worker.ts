/**
 * Judges a job's model in a process of its own: at the priority of the server, because the latency that counts is the one
 * requests will see.
 */
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { jobFolder, readJson, replaceJson } from '../queue/job-folder.ts';
import { isUnwritable } from '../queue/storage-error.ts';
import { createWorkLog } from '../queue/work-log.ts';
import { type JudgeOrder, judgementsPath, judgeOrderPath } from '../queue/work-order.ts';
import type { Judgement } from '../rollout/judgement.ts';
import { openChildChannel } from './child-process.ts';
import { judge } from './judge.ts';

const channel = openChildChannel();
const log = createWorkLog({ now: Date.now, write: (line) => void process.stdout.write(line) });
const { work } = jobFolder(resolve(process.argv[2] as string));

function describe({ modelId, psnrDb, consistencyDb, latency }: Judgement): string {
  const decibels = (value: number | null) => (value === null ? 'not measured' : `${value.toFixed(2)} dB`);
  const { percentileMs, percentile, width, height, threads } = latency;
  const time = `${percentileMs.toFixed(2)} ms (percentile ${percentile}) at ${width}x${height}, ${threads} threads`;
  return `${modelId}: PSNR ${decibels(psnrDb)}, consistency ${decibels(consistencyDb)}, ${time}`;
}

async function main(): Promise<void> {
  await channel.go;
  const order = readJson<JudgeOrder>(judgeOrderPath(work));
  if (!order) throw new Error(`there is no ${judgeOrderPath(work)}`);
  log.say(`process ${process.pid}: stage judge, ${order.validation.length} held-out pictures`);
  const judgements = await judge(order);
  for (const judgement of [judgements.candidate, judgements.active]) if (judgement) log.say(describe(judgement));
  replaceJson(judgementsPath(work), judgements);
  await channel.send({ type: 'done' });
  process.exit(0);
}

main().catch(async (error: unknown) => {
  process.stderr.write(`${inspect(error)}\n`);
  if (isUnwritable(error)) await channel.send({ type: 'blocked', message: String(error) });
  process.exit(1);
});
