/**
 * Kills a job's process or its server 30 times at random moments, then looks at what is left. Ends with 1 when anything is wrong.
 * npx tsx bench/jobs-kill.ts [kills]
 */
import { createJobsFolder } from '../test/jobs/jobs-box.ts';
import { killAtRandom } from '../test/jobs/kill-rounds.ts';

const wanted = Number(process.argv[2] ?? 30);
const totals = { child: 0, server: 0, jobs: 0 };
const wrong: string[] = [];
while (totals.child + totals.server < wanted) {
  const folder = await createJobsFolder();
  const left = wanted - totals.child - totals.server;
  const { job, events, models, killed, partial } = await killAtRandom(folder, Math.min(left, 10), Math.random);
  totals.child += killed.child;
  totals.server += killed.server;
  totals.jobs += 1;
  if (job.state !== 'succeeded') wrong.push(`${job.id} ended as ${job.state}: ${JSON.stringify(job.error)}`);
  if (events.some(({ seq }, i) => seq !== i + 1)) wrong.push(`${job.id}: numbers of events are not contiguous`);
  for (const type of ['started', 'verdict', 'published', 'succeeded'] as const) {
    const count = events.filter((event) => event.type === type).length;
    if (count !== 1) wrong.push(`${job.id}: ${count} events of type ${type}`);
  }
  if (models.length !== 1 || models[0] !== job.result?.modelId) wrong.push(`${job.id}: models ${models.join(', ')}`);
  if (partial.length > 0) wrong.push(`${job.id}: partial models ${partial.join(', ')}`);
  console.log(`${job.id}: ${events.length} events, ${job.attempts} starts, so far ${JSON.stringify(totals)}`);
  await folder.remove();
}
console.log(JSON.stringify({ ...totals, wrong }, null, 2));
process.exit(wrong.length === 0 ? 0 : 1);
