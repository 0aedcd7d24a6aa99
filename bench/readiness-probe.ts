/** Asks `/readyz` all the time, from a process of its own: what the load does to the asker's event loop is not the server's fault. */
import { setTimeout as sleep } from 'node:timers/promises';
import { caseConfig } from './fork-case.ts';

export interface ReadinessConfig {
  readonly url: string;
}

const EVERY_MS = 100;

const { url } = caseConfig<ReadinessConfig>();
const times: number[] = [];
let isDone = false;
process.on('message', () => {
  isDone = true;
});
process.on('disconnect', () => process.exit());
// The first answers pay for connecting and compiling.
for (let i = 0; i < 3; i++) await (await fetch(url)).text();
while (!isDone) {
  const start = performance.now();
  const answer = await fetch(url);
  await answer.text();
  // An answer other than 200 counts as one that never came; JSON has no infinity.
  times.push(answer.status === 200 ? performance.now() - start : 1e9);
  await sleep(EVERY_MS);
}
process.send?.(times);
