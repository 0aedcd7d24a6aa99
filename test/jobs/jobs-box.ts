/** A plugin over tiny networks with jobs, behind a real server, and what a client needs to talk to it. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobEvent } from '../../src/jobs/events/job-event.ts';
import type { JobView } from '../../src/jobs/queue/job.ts';
import type { DualscaleOptions } from '../../src/server/options.ts';
import { createDualscale, type PluginJobsOptions } from '../../src/server/plugin.ts';
import { writeGeneratedPhotos } from '../helpers/generated-photos.ts';
import { publishNearestModels } from '../helpers/nearest-models.ts';

export const TOKEN = 'a-token-for-tests-only';
export const API = '/dualscale/api';

/** Models, photographs, and a folder for jobs. */
export async function createJobsFolder(photos = 6) {
  const directory = await mkdtemp(join(tmpdir(), 'dualscale-jobs-'));
  const models = await publishNearestModels([2]);
  await writeGeneratedPhotos(join(directory, 'photos'), photos, { width: 96, height: 80 });
  return {
    directory,
    modelsDir: models.directory,
    dir: join(directory, 'jobs'),
    photos: join(directory, 'photos'),
    async remove() {
      await rm(directory, { recursive: true, force: true });
      await models.remove();
    },
  };
}

export type JobsFolder = Awaited<ReturnType<typeof createJobsFolder>>;

export interface JobsBoxOptions {
  readonly jobs?: Partial<PluginJobsOptions>;
  readonly plugin?: DualscaleOptions;
}

export async function openJobsBox(folder: JobsFolder, { jobs: more = {}, plugin = {} }: JobsBoxOptions = {}) {
  const dualscale = await createDualscale({ modelsDir: folder.modelsDir, provider: 'cpu', workers: 1, ...plugin });
  const jobs = await dualscale.jobs({
    dir: folder.dir,
    token: TOKEN,
    dataRoots: { photos: folder.photos },
    threads: 1,
    nice: 0,
    minFreeBytes: 0,
    ...more,
  });
  const server = createServer((req, res) => {
    jobs.handler(req, res, () => dualscale.middleware()(req, res, () => void res.writeHead(404).end()));
  });
  jobs.attach(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    dualscale,
    jobs,
    url,
    socketUrl: `ws://127.0.0.1:${port}${API}/socket`,
    ...createClient(url),
    async close() {
      await jobs.close();
      server.close();
      server.closeAllConnections();
      await dualscale.close();
    },
  };
}

export type JobsBox = Awaited<ReturnType<typeof openJobsBox>>;

export function createClient(url: string, token: string = TOKEN) {
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${url}${API}${path}`, {
      ...init,
      headers: { Authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
    });
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    call(path, {
      method: 'POST',
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
    });
  const getJob = async (id: string) => (await (await call(`/jobs/${id}`)).json()) as JobView;
  return {
    call,
    post,
    getJob,
    async events(id: string): Promise<JobEvent[]> {
      const all: JobEvent[] = [];
      for (let after = 0; ; ) {
        const page = (await (await call(`/jobs/${id}/events?after=${after}`)).json()) as {
          events: JobEvent[];
          last: number;
          complete: boolean;
        };
        all.push(...page.events);
        if (page.complete) return all;
        after = page.last;
      }
    },
    async waitFor(id: string, isDone: (job: JobView) => boolean): Promise<JobView> {
      for (;;) {
        const job = await getJob(id);
        if (isDone(job)) return job;
        await sleep(50);
      }
    },
  };
}

export const hasEnded = ({ state }: JobView): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled';

/** A second of work on tiny pictures. */
export const FINETUNE = {
  type: 'finetune',
  model: 'nearest-x2',
  data: { folders: ['photos'] },
  budget: { steps: 20 },
} as const;
