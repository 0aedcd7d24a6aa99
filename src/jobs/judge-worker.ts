/**
 * Judges a job's model in a process of its own: at the priority of the server, because the latency that counts is the one
 * requests will see.
 */
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { openChildChannel } from './child-process.ts';
import { jobFolder, readJson, replaceJson } from './job-folder.ts';
import { judge } from './judge.ts';
import { type JudgeOrder, judgementsPath, judgeOrderPath } from './work-order.ts';

const channel = openChildChannel();
const { work } = jobFolder(resolve(process.argv[2] as string));

async function main(): Promise<void> {
  await channel.go;
  const order = readJson<JudgeOrder>(judgeOrderPath(work));
  if (!order) throw new Error(`there is no ${judgeOrderPath(work)}`);
  replaceJson(judgementsPath(work), await judge(order));
  await channel.send({ type: 'done' });
  process.exit(0);
}

main().catch((error: unknown) => {
  process.stderr.write(`${inspect(error)}\n`);
  process.exit(1);
});
