/** Routes of pictures: uploads, the traffic sampler, and samples to compare models on. */

import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readHeader } from '../../core/codec/header.ts';
import { publicError } from '../../core/errors.ts';
import type { Serving } from '../../core/upscale/serving.ts';
import type { TrafficSampler } from '../data/traffic.ts';
import type { Upload, Uploads } from '../data/uploads.ts';
import type { ResolvedJobsOptions } from '../jobs-options.ts';
import { isFinished } from '../queue/job.ts';
import type { JobStore } from '../queue/job-store.ts';
import { type ApiRequest, queryInteger, type Route, sendJson } from './router.ts';

export interface DataRoutesContext {
  readonly options: ResolvedJobsOptions;
  readonly store: JobStore;
  readonly serving: Serving;
  readonly uploads: Uploads;
  readonly traffic: TrafficSampler | undefined;
}

const PICTURE = /\.(jpe?g|png|webp|avif)$/i;
const MAX_SAMPLES = 50;

/** Names of the files of the samples' folder: what is asked for must be among them, so no path leads elsewhere. */
async function sampleNames({ options: { samplesDir } }: DataRoutesContext): Promise<string[]> {
  if (samplesDir === undefined) return [];
  const entries = await readdir(samplesDir, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isFile() && PICTURE.test(entry.name)).map(({ name }) => name);
  return names.sort().slice(0, MAX_SAMPLES);
}

async function readSample(context: DataRoutesContext, id: string): Promise<Buffer> {
  const name = (await sampleNames(context)).find((known) => known === id);
  if (name === undefined) throw publicError('DS_NOT_FOUND', 'There is no such sample.');
  return readFile(join(context.options.samplesDir as string, basename(name)));
}

function sendPicture({ res }: ApiRequest, bytes: Uint8Array, format: string): void {
  res.writeHead(200, {
    'Content-Type': `image/${format}`,
    'Content-Length': bytes.length,
    'Cache-Control': 'private, max-age=60',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'",
  });
  res.end(bytes);
}

async function listSamples({ res }: ApiRequest, context: DataRoutesContext): Promise<void> {
  const samples: { id: string; width: number; height: number }[] = [];
  for (const id of await sampleNames(context)) {
    const header = await readSample(context, id)
      .then(readHeader)
      .catch(() => undefined);
    if (header) samples.push({ id, width: header.width, height: header.height });
  }
  sendJson(res, 200, { samples });
}

async function sendUpscaled(request: ApiRequest, context: DataRoutesContext): Promise<void> {
  const { serving } = context;
  const model = request.query.get('model');
  if (!serving.models.some(({ id }) => id === model)) {
    throw publicError(
      'DS_BAD_REQUEST',
      `Expected \`model\` to be one of ${serving.models.map(({ id }) => id).join(', ')}.`,
    );
  }
  const bytes = await readSample(context, request.params['id']);
  const controller = new AbortController();
  request.res.on('close', () => controller.abort());
  const { data, format } = await serving.upscale(bytes, { model: model as string, signal: controller.signal });
  sendPicture(request, data, format);
}

const SCALES = [2, 8] as const;

async function sendInspection({ res, params, query }: ApiRequest, context: DataRoutesContext): Promise<void> {
  const scale = queryInteger(query, 'scale', SCALES);
  const bytes = await readSample(context, params['id']);
  const controller = new AbortController();
  res.on('close', () => controller.abort());
  const inspection = await context.serving.inspect(bytes, { signal: controller.signal, scale });
  if (!inspection) throw publicError('DS_NOT_FOUND', 'No model of this server estimates degradations.');
  sendJson(res, 200, inspection);
}

async function requireUpload({ uploads }: DataRoutesContext, id: string): Promise<Upload> {
  const upload = await uploads.get(id);
  if (!upload) throw publicError('DS_NOT_FOUND', 'There is no such upload.');
  return upload;
}

async function removeUpload({ res, params }: ApiRequest, context: DataRoutesContext): Promise<void> {
  const { id } = await requireUpload(context, params['id']);
  const isUsed = context.store
    .list()
    .some(({ view }) => !isFinished(view) && view.request.data.uploads?.includes(id) === true);
  if (isUsed) throw publicError('DS_CONFLICT', 'A waiting or running job uses this upload.');
  await context.uploads.remove(id);
  res.writeHead(204).end();
}

async function sendTraffic({ res }: ApiRequest, { traffic }: DataRoutesContext): Promise<void> {
  const none = { pictures: 0, smallPictures: 0, bytes: 0, seen: 0 };
  sendJson(res, 200, { enabled: traffic !== undefined, ...(traffic ? await traffic.count() : none) });
}

async function clearTraffic({ res }: ApiRequest, { traffic }: DataRoutesContext): Promise<void> {
  if (!traffic) throw publicError('DS_CONFLICT', 'The traffic sampler is not turned on.');
  await traffic.clear();
  res.writeHead(204).end();
}

export function dataRoutes(context: DataRoutesContext): Route[] {
  const { uploads, options } = context;
  return [
    {
      method: 'GET',
      path: '/uploads',
      handle: async ({ res }) => sendJson(res, 200, { uploads: await uploads.list() }),
    },
    {
      method: 'POST',
      path: '/uploads',
      async handle({ req, res }) {
        const upload = await uploads.receive(req);
        sendJson(res, 201, upload, { Location: `${options.mountPath}/uploads/${upload.id}` });
      },
    },
    {
      method: 'GET',
      path: '/uploads/{id}',
      handle: async ({ res, params }) => sendJson(res, 200, await requireUpload(context, params['id'])),
    },
    { method: 'DELETE', path: '/uploads/{id}', handle: (request) => removeUpload(request, context) },
    { method: 'GET', path: '/traffic', handle: (request) => sendTraffic(request, context) },
    { method: 'DELETE', path: '/traffic', handle: (request) => clearTraffic(request, context) },
    { method: 'GET', path: '/samples', handle: (request) => listSamples(request, context) },
    {
      method: 'GET',
      path: '/samples/{id}',
      async handle(request) {
        const bytes = await readSample(context, request.params['id']);
        sendPicture(request, bytes, (await readHeader(bytes)).format);
      },
    },
    { method: 'GET', path: '/samples/{id}/inspection', handle: (request) => sendInspection(request, context) },
    { method: 'GET', path: '/samples/{id}/upscaled', handle: (request) => sendUpscaled(request, context) },
  ];
}
