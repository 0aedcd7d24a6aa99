/** Damaged pictures against a real server in a child process. Nothing may crash it, hang, or answer with a 5xx other than 503. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { createRandom } from '../src/core/random.ts';
import { fuzzCase, seedPictures } from './damaged-pictures.ts';

export interface PictureFuzzOptions {
  readonly count: number;
  readonly seed: number;
  /** Only the case of that number. */
  readonly only?: number | undefined;
}

export interface PictureFuzzReport {
  readonly cases: number;
  /** How often each answer came: its status, and what our header or our error says. */
  readonly answers: Readonly<Record<string, number>>;
  /** What must not be, with the number of the case. */
  readonly failures: readonly string[];
  /** MiB of the server, after a fifth of the cases and at the end, each time without what V8 has not collected yet. */
  readonly rss: readonly [number, number];
}

const DEADLINE_MS = 10_000;
/** An answer may be that late on a machine with other work to do. */
const PATIENCE_MS = 2 * DEADLINE_MS;
/** A busy server has not looked at the picture yet. */
const MAX_TRIES = 5;
const PAUSE_MS = 500;
const LANES = 4;
const SCALE = 2;

/**
 * A server is started as docs/operations.md, "Memory", tells operators to, unless whoever starts the script has chosen otherwise:
 * MALLOC_ARENA_MAX=0 is glibc as it is.
 */
function memoryOptions(): NodeJS.ProcessEnv {
  const isChosen = ['LD_PRELOAD', 'MALLOC_ARENA_MAX', 'GLIBC_TUNABLES'].some((name) => process.env[name] !== undefined);
  return isChosen ? {} : { MALLOC_ARENA_MAX: '2' };
}

class PictureServer {
  readonly #child: ChildProcess;
  #exit: string | undefined;
  #port = 0;

  constructor(seed: number) {
    const script = fileURLToPath(new URL('./picture-server.ts', import.meta.url));
    const env = { ...process.env, ...memoryOptions() };
    this.#child = fork(script, [String(seed), String(DEADLINE_MS)], {
      execArgv: ['--expose-gc', '--import', 'tsx'],
      env,
    });
    this.#child.once('exit', (code, signal) => {
      this.#exit = `the server ended with ${signal ?? code}`;
    });
  }

  async start(): Promise<void> {
    const [message] = await once(this.#child, 'message');
    this.#port = (message as { port: number }).port;
  }

  async get(index: number, tries = 1): Promise<Response> {
    if (this.#exit !== undefined) throw new Error(this.#exit);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`http://127.0.0.1:${this.#port}/${index}?upscale=${SCALE}`, { signal });
    if (response.status !== 503 || tries >= MAX_TRIES) return response;
    await response.arrayBuffer();
    await setTimeout(PAUSE_MS);
    return this.get(index, tries + 1);
  }

  async rssMib(): Promise<number> {
    if (this.#exit !== undefined) return 0;
    this.#child.send('memory');
    const [message] = await once(this.#child, 'message');
    return Math.round((message as { rss: number }).rss / 2 ** 20);
  }

  async stop(): Promise<void> {
    if (this.#exit !== undefined) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}

interface Judged {
  /** For the table of answers. */
  readonly answer: string;
  readonly failure?: string;
}

async function judge(response: Response): Promise<Judged> {
  const { status, headers } = response;
  const body = Buffer.from(await response.arrayBuffer());
  if (status !== 200) {
    const { code = '' } = JSON.parse(body.toString('utf8')) as { code?: string };
    const answer = `${status} ${code}`;
    return status >= 500 && status !== 503 ? { answer, failure: `answered ${answer}` } : { answer };
  }
  const says = headers.get('x-dualscale') ?? 'not a picture';
  if (!says.startsWith('model=')) return { answer: `200 ${says}` };
  // What claims to be an enlarged picture has to be one.
  const failure = await sharp(body, { limitInputPixels: false })
    .stats()
    .then(() => undefined)
    .catch((error: unknown) => `gave a picture that cannot be decoded: ${String(error)}`);
  return failure === undefined ? { answer: '200 enlarged' } : { answer: '200 damaged', failure };
}

/** `fetch` hides the reason behind `fetch failed`. */
function describe(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? String(error) : `${String(error)}: ${String(cause)}`;
}

export async function fuzzPictures({ count, seed, only }: PictureFuzzOptions): Promise<PictureFuzzReport> {
  const seeds = await seedPictures();
  const server = new PictureServer(seed);
  await server.start();
  const answers: Record<string, number> = {};
  const failures: string[] = [];
  let rssBefore = 0;
  const indices = only === undefined ? Array.from({ length: count }, (_, i) => i).values() : [only].values();
  const check = async (index: number) => {
    const { answer, failure } = await server
      .get(index)
      .then(judge)
      .catch((error: unknown): Judged => ({ answer: 'none', failure: `gave no answer: ${describe(error)}` }));
    answers[answer] = (answers[answer] ?? 0) + 1;
    if (failure === undefined) return;
    const { description } = fuzzCase(seeds, index, createRandom(seed, index));
    failures.push(`#${index} (${description}) ${failure}; again with --seed ${seed} --only ${index}`);
  };
  const lane = async () => {
    for (const index of indices) {
      await check(index);
      if (index === Math.floor(count / 5)) rssBefore = await server.rssMib();
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const rss = [rssBefore, await server.rssMib()] as const;
  await server.stop();
  return { cases: only === undefined ? count : 1, answers, failures, rss };
}
