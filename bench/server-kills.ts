/**
 * `tsx bench/server-kills.ts [kills]`: the whole server is killed again and again while it enlarges pictures into a disk
 * cache. Every answer of every server must be, byte for byte, what a server without a cache gives.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Service, startService } from './service-case.ts';

const KILLS = Number(process.argv[2] ?? 50);
const PICTURES = 40;
const CLIENTS = 4;
const sizes = Array.from({ length: PICTURES }, (_, i) => ({ width: 60 + 2 * i, height: 50 + i }));
const models = { 4: 'edge-s-x4' };

interface Answer {
  readonly picture: number;
  readonly isHit: boolean;
  readonly bytes: Buffer;
}

async function ask(url: string, picture: number): Promise<Answer> {
  const response = await fetch(`${url}/${picture}?upscale=4`);
  const bytes = Buffer.from(await response.arrayBuffer());
  if (response.status !== 200) throw new Error(`expected status 200, got ${response.status}`);
  return { picture, isHit: /\bhit\b/.test(response.headers.get('cache-status') ?? ''), bytes };
}

async function makeReference(): Promise<Buffer[]> {
  const service = await startService({ options: { models, cache: false }, sizes, isUnique: false });
  const answers: Buffer[] = [];
  for (let picture = 0; picture < PICTURES; picture++) answers.push((await ask(service.url, picture)).bytes);
  await service.stop();
  return answers;
}

/** Until the server is gone, each client asks for pictures in an order of its own. */
async function load({ url }: Service, kill: number, onAnswer: (answer: Answer) => void): Promise<void> {
  const client = async (number: number) => {
    for (let i = 0; ; i++) {
      const answer = await ask(url, (i * 7 + number * 11 + kill * 3) % PICTURES).catch((error: Error) => {
        if (error.message.startsWith('expected')) throw error;
        return undefined;
      });
      if (!answer) return;
      onAnswer(answer);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
}

const directory = await mkdtemp(join(tmpdir(), 'dualscale-server-kills-'));
const count = { answers: 0, hits: 0, wrong: 0 };
try {
  const reference = await makeReference();
  // Room for half of the pictures, so that entries are removed as well; no memory above the disk.
  const diskBytes = Math.ceil(reference.reduce((sum, { length }) => sum + length, 0) / 2);
  const options = { models, cache: { memoryBytes: 0, directory, diskBytes } };
  for (let kill = 0; kill < KILLS; kill++) {
    const service = await startService({ options, sizes, isUnique: false });
    const loaded = load(service, kill, ({ picture, isHit, bytes }) => {
      count.answers += 1;
      if (isHit) count.hits += 1;
      if (!bytes.equals(reference[picture] as Buffer)) count.wrong += 1;
    });
    await sleep(100 + ((kill * 137) % 900));
    await service.kill();
    await loaded;
    if ((kill + 1) % 10 === 0) console.error(`${kill + 1} kills: ${JSON.stringify(count)}`);
  }
  console.log(JSON.stringify({ kills: KILLS, ...count }));
  if (count.wrong > 0 || count.hits === 0) process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
