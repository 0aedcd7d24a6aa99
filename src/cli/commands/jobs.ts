/** `dualscale jobs`: the job API of a running server, from a terminal. */
import { openAsBlob } from 'node:fs';
import { extname } from 'node:path';
import { badOption } from '../../core/errors.ts';
import type { JobEvent } from '../../jobs/events/job-event.ts';
import type { Budget, JobType, JobView } from '../../jobs/queue/job.ts';
import { JobsClient, type ServerFlags } from '../jobs-client.ts';
import type { PixelSize } from '../options.ts';
import { formatDuration, Progress } from '../progress.ts';
import { printJson, printTable } from '../terminal.ts';

export interface StartFlags extends ServerFlags {
  readonly model: string;
  readonly latency?: number;
  readonly size?: PixelSize;
  readonly percentile?: number;
  readonly ratio?: number;
  readonly macs?: number;
  readonly folder?: readonly string[];
  readonly upload?: readonly string[];
  readonly traffic?: boolean;
  readonly budget: Budget;
  readonly maxPsnrDrop?: number;
  readonly publish: 'auto' | 'manual';
  readonly name?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
}

export async function runJobsStart(type: JobType, flags: StartFlags): Promise<void> {
  const client = new JobsClient(flags);
  const { model, folder, upload, traffic, budget, maxPsnrDrop, publish, name } = flags;
  const target = targetOf(flags);
  const uploads = upload && (await uploadAll(client, upload));
  const job = await client.post<JobView>('/jobs', {
    type,
    model,
    budget,
    publish,
    target,
    data: { folders: folder, uploads, traffic },
    maxPsnrDropDb: maxPsnrDrop,
    name,
  });
  if (flags.json) printJson(job);
  else console.log(job.id);
  if (flags.watch) await watchJob(client, job.id);
}

function targetOf({ latency, size, percentile, ratio, macs }: StartFlags): object | undefined {
  const [given, ...others] = Object.entries({ latency, ratio, macs }).filter(([, value]) => value !== undefined);
  if (given && others.length > 0) {
    throw badOption(`--${given[0]}`, `used without ${others.map(([name]) => `--${name}`).join(' and ')}`, given[1]);
  }
  if (latency !== undefined) return { latencyMs: latency, ...size, percentile };
  if (size) throw badOption('--size', 'used with --latency', `${size.width}x${size.height}`);
  if (percentile !== undefined) throw badOption('--percentile', 'used with --latency', percentile);
  return ratio === undefined && macs === undefined ? undefined : { ratio, macs };
}

const ARCHIVE_TYPES: Readonly<Record<string, string>> = {
  '.zip': 'application/zip',
  '.tar': 'application/x-tar',
  '.gz': 'application/gzip',
  '.tgz': 'application/gzip',
};

async function uploadAll(client: JobsClient, files: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const file of files) {
    const type = ARCHIVE_TYPES[extname(file).toLowerCase()];
    if (type === undefined) throw badOption('--upload', '.zip, .tar, .tar.gz or .tgz files', file);
    const blob = await openAsBlob(file).catch((cause: Error) => {
      throw badOption('--upload', 'readable files', `${file} (${cause.message})`);
    });
    const upload = await client.upload<{ id: string; pictures: number }>('/uploads', blob.stream(), type);
    console.error(`${file}: ${upload.pictures} pictures, ${upload.id}`);
    ids.push(upload.id);
  }
  return ids;
}

export async function runJobsList(flags: ServerFlags & { readonly json?: boolean }): Promise<void> {
  const { jobs } = await new JobsClient(flags).get<{ jobs: JobView[] }>('/jobs?limit=200');
  if (flags.json) return printJson(jobs);
  const rows = jobs.map(({ id, type, request, state, progress, result, error, createdAt }) => {
    const outcome = result ? (result.modelId ?? 'rejected') : (error?.code ?? '-');
    const done = `${(100 * progress.ratio).toFixed(0)} %`;
    return [id, type, request.model, state, progress.stage ?? '-', done, outcome, createdAt];
  });
  printTable(['id', 'type', 'model', 'state', 'stage', 'done', 'result', 'created'], rows);
}

export async function runJobsWatch(id: string, flags: ServerFlags): Promise<void> {
  const client = new JobsClient(flags);
  const job = await client.get<JobView>(`/jobs/${encodeURIComponent(id)}`);
  await watchJob(client, job.id);
}

export async function runJobsCancel(id: string, flags: ServerFlags): Promise<void> {
  const { state } = await new JobsClient(flags).post<JobView>(`/jobs/${encodeURIComponent(id)}/cancel`);
  console.log(`${id} ${state}`);
}

/** Sets exit code 1 when the job fails or its model is rejected. */
async function watchJob(client: JobsClient, id: string): Promise<void> {
  const progress = new Progress();
  let psnr = '-';
  let hasPassed = false;
  try {
    await client.follow(id, (event) => {
      if (event.type === 'progress') showStep(progress, event, psnr);
      if (event.type === 'validation') psnr = event.data.psnrDb.toFixed(2);
      const line = describeEvent(event);
      if (line !== undefined) {
        progress.stop();
        console.error(line);
      }
      if (event.type === 'succeeded') hasPassed = event.data.result.verdict === 'passed';
      return event.type !== 'succeeded' && event.type !== 'failed' && event.type !== 'cancelled';
    });
  } finally {
    progress.stop();
  }
  if (!hasPassed) process.exitCode = 1;
}

type EventOf<Type extends JobEvent['type']> = Extract<JobEvent, { type: Type }>;

function showStep(progress: Progress, { data }: EventOf<'progress'>, psnr: string): void {
  const { stage, step, steps, etaSeconds, loss, ratio } = data;
  const eta = etaSeconds === null ? '' : `| ETA ${formatDuration(etaSeconds)} `;
  const numbers = loss === undefined ? '' : `| loss ${loss.toFixed(5)} | PSNR ${psnr} dB`;
  progress.update(stage, step, steps, `| ${(100 * ratio).toFixed(0)} % ${eta}${numbers}`);
}

/** The line for an event; undefined for one that gets none. */
function describeEvent(event: JobEvent): string | undefined {
  switch (event.type) {
    case 'stage':
      return `[${event.data.index + 1}/${event.data.count}] ${event.data.stage}`;
    case 'latency':
      return `latency ${event.data.kind}: ${event.data.ms.toFixed(2)} ms at ${event.data.width}x${event.data.height}`;
    case 'note':
      return event.data.level === 'warning' ? `warning: ${event.data.message}` : event.data.message;
    case 'interrupted':
      return `interrupted: ${event.data.detail}`;
    case 'resumed':
      return `resumed (attempt ${event.data.attempt})`;
    case 'paused':
      return 'paused while the server is busy';
    case 'continued':
      return 'continued';
    case 'verdict':
      return describeVerdict(event);
    case 'published':
      return `published ${event.data.modelId}`;
    case 'failed':
      return `failed: ${event.data.code}: ${event.data.message}`;
    case 'cancelled':
      return 'cancelled';
    case 'succeeded': {
      const { modelId, activated } = event.data.result;
      if (modelId === null) return 'done: the model was rejected';
      return activated ? `done: ${modelId} is active` : `done: ${modelId} can be activated`;
    }
    default:
      return undefined;
  }
}

function describeVerdict({ data: { verdict, checks } }: EventOf<'verdict'>): string {
  const number = (value: number | null): string => (value === null ? '-' : value.toFixed(2));
  const lines = checks.map(({ name, passed, value, limit, unit, detail }) => {
    return `  ${passed ? 'ok ' : 'NO '} ${name} ${number(value)} ${unit}, limit ${number(limit)} (${detail})`;
  });
  return [`verdict: ${verdict}`, ...lines].join('\n');
}
