/** The answers we give ourselves. Each sets headers; sending is the caller's. */
import { DualscaleError, ERRORS, type ErrorCode } from '../../core/errors.ts';
import type { DegradationNote } from '../../core/upscale/degradation-hint.ts';
import type { CacheStatus, ServedPicture } from '../service/picture-upscaler.ts';
import type { SkipReason } from './classify-answer.ts';
import { limitFreshness } from './freshness.ts';
import type { HeaderStore } from './header-store.ts';

/** Says which model served, or why none did. */
const STATUS_HEADER = 'X-Dualscale';

const VALIDATORS = ['etag', 'last-modified'];

/** What the host says about its own bytes and is wrong for others. */
const ABOUT_THE_BYTES = [
  ...VALIDATORS,
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

/** How long caches keep an answer. */
const FRESHNESS = ['cache-control', 'cdn-cache-control', 'surrogate-control', 'expires', 'age'];

/** What may not outlive an error: a cache must not keep a refusal in the picture's place. */
const ABOUT_THE_PICTURE = [
  ...ABOUT_THE_BYTES,
  ...FRESHNESS,
  'content-type',
  'content-disposition',
  'content-language',
  'content-location',
];

/** RFC 9211. */
const CACHE_STATUS: Readonly<Record<CacheStatus, string>> = {
  hit: 'dualscale; hit',
  joined: 'dualscale; fwd=uri-miss; collapsed',
  miss: 'dualscale; fwd=uri-miss',
};

function remove(headers: HeaderStore, names: readonly string[]): void {
  for (const name of names) headers.delete(name);
}

/** The host's own answer and validators stay: it is the same each time. */
export function markSkipped(headers: HeaderStore, reason: SkipReason): void {
  headers.set(STATUS_HEADER, `skipped; reason=${reason}`);
}

/** The host's own picture in the place of one that failed: the next request may have more luck, so no cache keeps it. */
export function markFailed(headers: HeaderStore, reason: SkipReason): void {
  remove(headers, [...VALIDATORS, ...FRESHNESS]);
  headers.set('Cache-Control', 'no-store');
  markSkipped(headers, reason);
}

export interface ServedBy {
  /** Undefined where the picture's size decides (`upscale=auto`) and is not known. */
  readonly model: { readonly id: string; readonly scale: number } | undefined;
  /** Undefined where nothing to make it from is known: a HEAD to a host without validators. */
  readonly etag: string | undefined;
  /** Why `model` stands in for the one that serves. */
  readonly why?: string | undefined;
}

/** The serving model may be free by then, and its picture is better. */
const STAND_IN_SECONDS = 60;

/** The head that a GET, a HEAD and a 304 share. Cache-Control, Vary, CSP and the rest of the host's headers stay. */
export function describePicture(headers: HeaderStore, { model, etag, why }: ServedBy): void {
  remove(headers, ABOUT_THE_BYTES);
  if (etag !== undefined) headers.set('ETag', etag);
  headers.set('X-Content-Type-Options', 'nosniff');
  if (why !== undefined) limitFreshness(headers, STAND_IN_SECONDS);
  if (model) headers.set(STATUS_HEADER, [`model=${model.id}`, `scale=${model.scale}`, ...whyPart(why)].join('; '));
}

const whyPart = (why: string | undefined): string[] => (why === undefined ? [] : [`why=${why}`]);

/** What was chosen and why; the numbers are what the choice was made by. */
function degradationParts({ kind, why, sigma, noise, jpegQuality }: DegradationNote): string[] {
  const seen =
    sigma === undefined ? [] : [`sigma=${sigma.toFixed(2)}`, `noise=${noise?.toFixed(1)}`, `jpeg=${jpegQuality}`];
  return [`degradation=${kind}`, `why=${why}`, ...seen];
}

function statusOf(picture: ServedPicture): string {
  const { modelId, scale, requestedScale, consistencyError, fallback, degradation, fallbackModel } = picture;
  const parts = [`model=${modelId}`, `scale=${scale}`, ...whyPart(fallbackModel?.why)];
  if (requestedScale !== undefined && requestedScale !== scale) parts.push(`asked=${requestedScale}`);
  // Of a stand-in the reason was told, and it made no estimate.
  if (degradation) parts.push(...(fallbackModel ? [`degradation=${degradation.kind}`] : degradationParts(degradation)));
  if (consistencyError !== undefined) parts.push(`consistency=${consistencyError.toFixed(2)}`);
  if (fallback !== undefined) parts.push(`fallback=${fallback}`);
  return parts.join('; ');
}

/** Adds the body's own headers for a 200. `hostMs`: until the host's picture was there. */
export function describeBody(headers: HeaderStore, picture: ServedPicture, hostMs: number): void {
  const { timings, queueMs, cache } = picture;
  const stages = Object.entries(cache === 'hit' ? { host: hostMs } : { host: hostMs, queue: queueMs, ...timings });
  headers.set(STATUS_HEADER, statusOf(picture));
  headers.append('Cache-Status', CACHE_STATUS[cache]);
  headers.set('Content-Type', `image/${picture.format}`);
  headers.set('Content-Length', String(picture.data.length));
  headers.append('Server-Timing', stages.map(([name, ms]) => `${name};dur=${(ms as number).toFixed(1)}`).join(', '));
}

/** A 304 carries what a cache needs to refresh what it has, and nothing about a body. */
export function describeNotModified(headers: HeaderStore, served: ServedBy): void {
  describePicture(headers, served);
  headers.delete('Content-Type');
}

/** An error's name in the sense of RFC 9457; the same in the API of jobs. */
const typeOf = (code: ErrorCode): string => `urn:dualscale:error:${code.slice(3).toLowerCase().replaceAll('_', '-')}`;

/** Prepares the headers of RFC 9457 and gives the body: the table's text and a public detail, never a path or a stack. */
export function describeProblem(headers: HeaderStore, problem: DualscaleError, retryAfterSeconds?: number): Buffer {
  const { code, status, publicMessage } = problem;
  const title = ERRORS[code].publicMessage;
  const detail = publicMessage.slice(title.length).trim();
  const body = Buffer.from(JSON.stringify({ type: typeOf(code), title, status, detail: detail || undefined, code }));
  remove(headers, ABOUT_THE_PICTURE);
  headers.set('Content-Type', 'application/problem+json; charset=utf-8');
  headers.set('Content-Length', String(body.length));
  headers.set('Cache-Control', 'no-store');
  headers.set('X-Content-Type-Options', 'nosniff');
  if (retryAfterSeconds !== undefined) headers.set('Retry-After', String(retryAfterSeconds));
  return body;
}

/** Any thrown value as one of the table's errors: what was not thrown on purpose is a 500 without details. */
export function toProblem(error: unknown): DualscaleError {
  if (error instanceof DualscaleError) return error;
  return new DualscaleError('DS_ENGINE', `unexpected: ${String(error)}`, { cause: error });
}
