/** `dualscale jobs` and `dualscale models list|activate|rollback`: the job API of a running server, from a terminal. */
import { openAsBlob } from 'node:fs';
import { extname } from 'node:path';
import { badOption } from '../../core/errors.ts';
import type { Budget, JobType, JobView } from '../../jobs/queue/job.ts';
import { createJobProgress } from '../job-progress.ts';
import { createJobsClient, type JobsClient, type ServerFlags } from '../jobs-client.ts';
import type { PixelSize } from '../option-values.ts';
import { formatTable } from '../table.ts';

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

const open = (flags: ServerFlags): JobsClient => createJobsClient(flags, process.env['DUALSCALE_TOKEN']);

const TYPES: Readonly<Record<string, string>> = {
  '.zip': 'application/zip',
  '.tar': 'application/x-tar',
  '.gz': 'application/gzip',
  '.tgz': 'application/gzip',
};

async function uploadAll(client: JobsClient, files: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const file of files) {
    const type = TYPES[extname(file).toLowerCase()];
    if (type === undefined) throw badOption('--upload', '.zip, .tar, .tar.gz or .tgz files', file);
    const blob = await openAsBlob(file).catch((cause: Error) => {
      throw badOption('--upload', 'files that can be read', `${file} (${cause.message})`);
    });
    const upload = await client.upload<{ id: string; pictures: number }>('/uploads', blob.stream(), type);
    console.error(`${file}: ${upload.pictures} pictures, ${upload.id}`);
    ids.push(upload.id);
  }
  return ids;
}

function targetOf({ latency, size, percentile, ratio, macs }: StartFlags): object | undefined {
  const [given, ...others] = Object.entries({ latency, ratio, macs }).filter(([, value]) => value !== undefined);
  if (given && others.length > 0) {
    throw badOption(`--${given[0]}`, `used without ${others.map(([name]) => `--${name}`).join(' and ')}`, given[1]);
  }
  if (latency === undefined && size) throw badOption('--size', 'used with --latency', `${size.width}x${size.height}`);
  if (latency === undefined && percentile !== undefined)
    throw badOption('--percentile', 'used with --latency', percentile);
  if (ratio !== undefined) return { ratio };
  if (macs !== undefined) return { macs };
  return latency === undefined ? undefined : { latencyMs: latency, ...size, percentile: percentile || undefined };
}

/** Ends with 1 when the job fails or its model is refused. */
async function watchJob(client: JobsClient, id: string, after: number): Promise<void> {
  const display = createJobProgress();
  let isGood = false;
  try {
    await client.follow(id, after, (event) => {
      if (event.type === 'succeeded') isGood = event.data.result.verdict === 'passed';
      return display.show(event);
    });
  } finally {
    display.stop();
  }
  if (!isGood) process.exitCode = 1;
}

export async function runJobsStart(type: JobType, flags: StartFlags): Promise<void> {
  const client = open(flags);
  const { model, folder, upload, traffic, budget, maxPsnrDrop, publish, name } = flags;
  const target = targetOf(flags);
  const uploads = upload ? await uploadAll(client, upload) : undefined;
  const job = await client.post<JobView>('/jobs', {
    type,
    model,
    budget,
    publish,
    target,
    data: { folders: folder, uploads, traffic: traffic || undefined },
    maxPsnrDropDb: maxPsnrDrop,
    name,
  });
  console.log(flags.json ? JSON.stringify(job, null, 2) : job.id);
  if (flags.watch) await watchJob(client, job.id, 0);
}

const percent = ({ progress }: JobView): string => `${(100 * progress.ratio).toFixed(0)} %`;

export async function runJobsList(flags: ServerFlags & { readonly json?: boolean }): Promise<void> {
  const { jobs } = await open(flags).get<{ jobs: JobView[] }>('/jobs?limit=200');
  if (flags.json) {
    console.log(JSON.stringify(jobs, null, 2));
    return;
  }
  const columns = ['id', 'type', 'model', 'state', 'stage', 'done', 'result', 'created'].map((title) => ({ title }));
  const rows = jobs.map((job) => {
    const { id, type, request, state, progress, result, error, createdAt } = job;
    const outcome = result ? (result.modelId ?? 'refused') : (error?.code ?? '-');
    return [id, type, request.model, state, progress.stage ?? '-', percent(job), outcome, createdAt];
  });
  console.log(formatTable(columns, rows));
}

export async function runJobsWatch(id: string, flags: ServerFlags): Promise<void> {
  const client = open(flags);
  const job = await client.get<JobView>(`/jobs/${encodeURIComponent(id)}`);
  await watchJob(client, job.id, 0);
}

export async function runJobsCancel(id: string, flags: ServerFlags): Promise<void> {
  const { state } = await open(flags).post<JobView>(`/jobs/${encodeURIComponent(id)}/cancel`);
  console.log(`${id} ${state}`);
}

interface ModelList {
  readonly models: readonly {
    readonly id: string;
    readonly version: string;
    readonly scale: number;
    readonly active: boolean;
    readonly parameters: number;
    readonly measured: { readonly psnrDb: number | null; readonly latency: { readonly medianMs: number } } | null;
    readonly job: string | null;
  }[];
}

function printModels({ models }: ModelList): void {
  const columns = ['id', 'version', 'scale', 'serves', 'parameters', 'PSNR dB', 'median ms', 'job'];
  const rows = models.map(({ id, version, scale, active, parameters, measured, job }) => {
    const numbers = [measured?.psnrDb?.toFixed(2) ?? '-', measured?.latency.medianMs.toFixed(2) ?? '-'];
    return [id, version, `x${scale}`, active ? 'yes' : '-', String(parameters), ...numbers, job ?? '-'];
  });
  console.log(
    formatTable(
      columns.map((title) => ({ title })),
      rows,
    ),
  );
}

export async function runModelsList(flags: ServerFlags & { readonly json?: boolean }): Promise<void> {
  const list = await open(flags).get<ModelList>('/models');
  if (flags.json) console.log(JSON.stringify(list, null, 2));
  else printModels(list);
}

export async function runModelsActivate(id: string, flags: ServerFlags): Promise<void> {
  printModels(await open(flags).post<ModelList>(`/models/${encodeURIComponent(id)}/activate`));
}

export async function runModelsRollback(scale: number, flags: ServerFlags): Promise<void> {
  printModels(await open(flags).post<ModelList>(`/scales/${scale}/rollback`));
}
