/**
 * Evaluates a job's model in a process of its own: at the priority of the server, because the latency that counts is the
 * one requests will see.
 */
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { readJson, writeJson } from '../json-file.ts';
import { jobFolder } from '../queue/job-folder.ts';
import type { EvaluationSpec } from '../queue/job-spec.ts';
import { isUnwritable } from '../queue/storage-error.ts';
import type { Evaluation } from '../rollout/evaluation.ts';
import { openChildChannel } from './child-channel.ts';
import { evaluate } from './evaluate.ts';
import { WorkLog } from './work-log.ts';

const channel = openChildChannel();
const log = new WorkLog(Date.now, (line) => void process.stdout.write(line));
const folder = jobFolder(resolve(process.argv[2] as string));

function describe({ modelId, psnrDb, consistencyDb, latency }: Evaluation): string {
  const decibels = (value: number | null) => (value === null ? 'not measured' : `${value.toFixed(2)} dB`);
  const { percentileMs, percentile, width, height, threads } = latency;
  const time = `${percentileMs.toFixed(2)} ms (percentile ${percentile}) at ${width}x${height}, ${threads} threads`;
  return `${modelId}: PSNR ${decibels(psnrDb)}, consistency ${decibels(consistencyDb)}, ${time}`;
}

async function main(): Promise<void> {
  await channel.go;
  const spec = await readJson<EvaluationSpec>(folder.evaluationSpec);
  if (!spec) throw new Error(`there is no ${folder.evaluationSpec}`);
  log.line(`process ${process.pid}: stage evaluate, ${spec.validation.length} held-out pictures`);
  const evaluations = await evaluate(spec);
  for (const evaluation of [evaluations.candidate, evaluations.active]) if (evaluation) log.line(describe(evaluation));
  await writeJson(folder.evaluations, evaluations);
  await channel.send({ type: 'done' });
  process.exit(0);
}

main().catch(async (error: unknown) => {
  process.stderr.write(`${inspect(error)}\n`);
  if (isUnwritable(error)) await channel.send({ type: 'blocked', message: String(error) });
  process.exit(1);
});
