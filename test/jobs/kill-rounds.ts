/** Kills children and servers at random moments while a job runs, and checks what is left in the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { JobEvent } from '../../src/jobs/events/job-event.ts';
import type { JobView } from '../../src/jobs/queue/job.ts';
import { createClient, FINETUNE, hasEnded, type JobsFolder } from './jobs-box.ts';

const SERVER = fileURLToPath(new URL('./server-process.ts', import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

interface RunningServer {
  readonly process: ChildProcess;
  readonly client: ReturnType<typeof createClient>;
}

async function startServer({ directory, modelsDir, dir, photos }: JobsFolder): Promise<RunningServer> {
  const args = ['--import', LOADER, SERVER, directory, modelsDir, dir, photos];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { process: child, client: createClient(String(chunk).trim()) };
}

async function killServer({ process: server }: RunningServer): Promise<void> {
  if (server.exitCode !== null) return;
  const gone = once(server, 'exit');
  server.kill('SIGKILL');
  await gone;
}

function childPid(folder: JobsFolder, id: string): number | undefined {
  try {
    return Number(readFileSync(join(folder.dir, 'jobs', id, 'pid'), 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

export interface KillReport {
  readonly job: JobView;
  readonly events: readonly JobEvent[];
  /** Names in the folder of models that the job made, hidden ones included. */
  readonly models: readonly string[];
  readonly killed: { readonly child: number; readonly server: number };
  /** What the folder of models showed that was no whole model, at any look. */
  readonly partial: readonly string[];
}

/** Folders of models must never be seen without a manifest that can be read. */
async function lookForPartial(modelsDir: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const name of await readdir(modelsDir)) {
    if (name.startsWith('.')) continue;
    const text = await readFile(join(modelsDir, name, 'manifest.json'), 'utf8').catch(() => 'none');
    try {
      JSON.parse(text);
    } catch {
      wrong.push(name);
    }
  }
  return wrong;
}

/** @param random from 0 to 1. */
export async function killAtRandom(folder: JobsFolder, kills: number, random: () => number): Promise<KillReport> {
  let server = await startServer(folder);
  const body = { ...FINETUNE, budget: { steps: 200 }, maxPsnrDropDb: 50, publish: 'auto' };
  const { id } = (await (await server.client.post('/jobs', body)).json()) as JobView;
  const before = new Set(await readdir(folder.modelsDir));
  const killed = { child: 0, server: 0 };
  const partial: string[] = [];
  while (killed.child + killed.server < kills) {
    await sleep(200 + random() * 2500);
    partial.push(...(await lookForPartial(folder.modelsDir)));
    if (hasEnded(await server.client.getJob(id))) break;
    const pid = childPid(folder, id);
    if (random() < 0.5 && pid !== undefined) {
      try {
        process.kill(pid, 'SIGKILL');
        killed.child += 1;
      } catch {
        // It has just ended by itself.
      }
    } else {
      await killServer(server);
      killed.server += 1;
      server = await startServer(folder);
    }
  }
  const job = await server.client.waitFor(id, hasEnded);
  const events = await server.client.events(id);
  await killServer(server);
  // What it was still removing is removed by the next start.
  await killServer(await startServer(folder));
  const models = (await readdir(folder.modelsDir)).filter((name) => !before.has(name));
  return { job, events, models, killed, partial };
}
