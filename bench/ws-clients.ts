/**
 * 500 sockets on one job, and one that never reads: everybody gets every stage in order, memory stays, the deaf one is cut off.
 * The clients run in a process of their own, so that only the server's memory is measured.
 * npx tsx bench/ws-clients.ts [clients] [seconds]
 */
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { authorized, eventsOf, JOB, openSocketBox, progress, stage } from '../test/jobs/socket-box.ts';

const clients = Number(process.argv[2] ?? 500);
const seconds = Number(process.argv[3] ?? 60);
const STAGES = 20;

async function runClients(url: string): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: clients }, () => authorized(url)));
  for (const client of sockets) client.send({ subscribe: JOB, after: 0 });
  const deaf = await authorized(url);
  deaf.send({ subscribe: JOB, after: 0 });
  await deaf.until((messages) => messages.length > 1);
  deaf.socket.pause();
  process.send?.('ready');
  const isLast = ({ type, data }: { type: string; data: unknown }) =>
    type === 'stage' && (data as { index: number }).index === STAGES - 1;
  await Promise.all(sockets.map((client) => client.until((messages) => messages.some(isLast))));
  const wrong = sockets.filter(({ messages }) => {
    const stages = eventsOf(messages).flatMap((event) => (event.type === 'stage' ? [event.data.index] : []));
    return stages.length !== STAGES || stages.some((index, i) => index !== i);
  });
  const counts = sockets.map(({ messages }) => eventsOf(messages).length).sort((a, b) => a - b);
  process.send?.({ wrong: wrong.length, fewest: counts[0], most: counts.at(-1) });
}

async function main(): Promise<void> {
  const box = await openSocketBox({ stallMs: 5000, heartbeatMs: 60_000 });
  const rss = () => process.memoryUsage().rss / 2 ** 20;
  await sleep(500);
  const before = rss();
  const child = fork(fileURLToPath(import.meta.url), [String(clients), String(seconds), box.url], {
    execArgv: process.execArgv,
  });
  let result: object | undefined;
  let isReady = false;
  child.on('message', (message) => {
    if (message === 'ready') isReady = true;
    else result = message as object;
  });
  while (!isReady) await sleep(50);
  let most = rss();
  let slowest = 0;
  // Four progress events a second are twice what a job tells; long notes fill the deaf client's buffers.
  for (let tick = 1; tick <= 4 * seconds; tick++) {
    const start = performance.now();
    await box.log.emit(JOB, progress(tick));
    if (tick % 4 === 0) {
      await box.log.emit(JOB, { type: 'note', data: { level: 'info', message: 'x'.repeat(20_000) } });
    }
    if (tick % Math.floor((4 * seconds) / STAGES) === 0) {
      await box.log.emit(JOB, stage(tick / Math.floor((4 * seconds) / STAGES) - 1));
    }
    slowest = Math.max(slowest, performance.now() - start);
    most = Math.max(most, rss());
    await sleep(250);
  }
  while (!result) await sleep(100);
  while (box.socket.clients > clients) await sleep(100);
  const grown = Math.round(most - before);
  console.log(JSON.stringify({ clients, seconds, ...result, grownMib: grown, slowestEmitMs: Math.round(slowest) }));
  child.kill();
  await box.close();
  const { wrong } = result as { wrong: number };
  process.exit(wrong === 0 && grown < 100 ? 0 : 1);
}

const url = process.argv[4];
await (url === undefined ? main() : runClients(url));
