/** The answers the middleware gives itself. Each sets headers in `res`; sending is the caller's. */
import type { ServerResponse } from 'node:http';
import { DualscaleError } from '../errors.ts';
import type { SkipReason } from './classify-answer.ts';
import type { EnlargedPicture } from './picture-upscaler.ts';

/** Says which model served, or why none did. */
const STATUS_HEADER = 'X-Dualscale';

/** What the host says about its own bytes and is wrong for others. */
const ABOUT_THE_BYTES = [
  'etag',
  'last-modified',
  'content-length',
  'content-encoding',
  'content-range',
  'content-md5',
  'content-digest',
  'repr-digest',
  'digest',
  'accept-ranges',
  'transfer-encoding',
  'trailer',
];

/** What may not outlive an error: a cache must not keep a refusal in the picture's place. */
const ABOUT_THE_PICTURE = [
  ...ABOUT_THE_BYTES,
  'cache-control',
  'cdn-cache-control',
  'surrogate-control',
  'expires',
  'age',
  'content-type',
  'content-disposition',
  'content-language',
  'content-location',
];

function remove(res: ServerResponse, names: readonly string[]): void {
  for (const name of names) res.removeHeader(name);
}

export function markSkipped(res: ServerResponse, reason: SkipReason): void {
  res.setHeader(STATUS_HEADER, `skipped; reason=${reason}`);
}

export interface ServedBy {
  readonly modelId: string;
  readonly scale: number;
  /** Undefined where nothing to make it from is known: a HEAD to a host without validators. */
  readonly etag: string | undefined;
}

/** The head that a GET, a HEAD and a 304 share. Cache-Control, Vary, CSP and the rest of the host's headers stay. */
export function describePicture(res: ServerResponse, { modelId, scale, etag }: ServedBy): void {
  remove(res, ABOUT_THE_BYTES);
  if (etag !== undefined) res.setHeader('ETag', etag);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader(STATUS_HEADER, `model=${modelId}; scale=${scale}`);
}

export interface ServedTimings {
  readonly host: number;
  readonly queue: number;
}

/** Adds the body's own headers for a 200. Times in milliseconds. */
export function describeBody(res: ServerResponse, picture: EnlargedPicture, { host, queue }: ServedTimings): void {
  const { decode, infer, encode } = picture.timings;
  const stages = Object.entries({ host, queue, decode, infer, encode });
  res.setHeader('Content-Type', `image/${picture.format}`);
  res.setHeader('Content-Length', picture.data.length);
  res.appendHeader('Server-Timing', stages.map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`).join(', '));
}

/** A 304 carries what a cache needs to refresh what it has, and nothing about a body. */
export function describeNotModified(res: ServerResponse, served: ServedBy): void {
  describePicture(res, served);
  res.removeHeader('Content-Type');
}

/** Prepares the problem's headers and gives its body: the code and the public text, never a path or a stack. */
export function describeProblem(res: ServerResponse, problem: DualscaleError, retryAfterSeconds?: number): Buffer {
  const body = Buffer.from(JSON.stringify({ code: problem.code, message: problem.publicMessage }));
  remove(res, ABOUT_THE_PICTURE);
  res.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
  res.setHeader('Content-Length', body.length);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  if (retryAfterSeconds !== undefined) res.setHeader('Retry-After', retryAfterSeconds);
  return body;
}

/** Any thrown value as one of the table's errors: what was not thrown on purpose is a 500 without details. */
export function toProblem(error: unknown): DualscaleError {
  if (error instanceof DualscaleError) return error;
  return new DualscaleError('DS_ENGINE', `unexpected: ${String(error)}`, { cause: error });
}
