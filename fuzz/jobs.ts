/**
 * 5,000 bodies of jobs that are nearly right, over HTTP: each is taken, or refused with a 4xx problem that names the field. Nothing is
 * run: the jobs that are taken are cancelled. Ends with 1 when an answer is of another kind.
 * npx tsx fuzz/jobs.ts [bodies] [seed]
 */

import { seededRandom, wrongBody } from '../test/jobs/job-bodies.ts';
import { createJobsFolder, openJobsBox } from '../test/jobs/jobs-box.ts';

const bodies = Number(process.argv[2] ?? 5000);
const seed = Number(process.argv[3] ?? 1);
const folder = await createJobsFolder(2);
const box = await openJobsBox(folder);
const random = seededRandom(seed);
const counts: Record<number, number> = {};
const wrong: string[] = [];
for (let i = 0; i < bodies; i++) {
  const body = wrongBody(random);
  const response = await box.call('/jobs', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
  const { status } = response;
  counts[status] = (counts[status] ?? 0) + 1;
  const answer = (await response.json()) as { id?: string; errors?: { pointer: string }[] };
  if (status === 202) await box.post(`/jobs/${answer.id}/cancel`);
  else if (status === 422 && !answer.errors?.every(({ pointer }) => pointer.startsWith('#')))
    wrong.push(`${status} ${body}`);
  else if (status !== 422 && status !== 400) wrong.push(`${status} ${body}`);
}
console.log(JSON.stringify({ bodies, seed, counts, wrong: wrong.slice(0, 20) }, null, 2));
await box.close();
await folder.remove();
process.exit(wrong.length === 0 ? 0 : 1);
