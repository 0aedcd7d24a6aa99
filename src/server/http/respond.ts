/**
 * The answers we give ourselves, and their validators. Each function sets headers; sending is the
 * caller's.
 */
import { createHash } from 'node:crypto';
import { type DualscaleError, ERRORS, type ErrorCode } from '../../core/errors.ts';
import type { DegradationNote } from '../../core/upscale/degradation-hint.ts';
import { PICTURE_FORMAT } from '../../core/upscale/enlarge-encoded.ts';
import type { ServingModel } from '../models/model-registry.ts';
import type { CacheStatus, FallbackModel, ServedPicture } from '../service/picture.ts';
import type { UpscaleQuery } from './upscale-query.ts';

/** Response headers as every host has them: `Headers` of the fetch API fits as it is. */
export interface HeaderStore {
  /** Values of a repeated header joined by `, `; nullish where it is absent. */
  get(name: string): string | null | undefined;
  set(name: string, value: string): void;
  append(name: string, value: string): void;
  delete(name: string): void;
}

/** What to send instead of the host's answer, with the headers as they are now. */
export interface Answer {
  readonly status: number;
  readonly body?: Uint8Array;
  /** Pixels of an enlarged picture. */
  readonly size?: { readonly width: number; readonly height: number };
}

/**
 * `pass`: the host's answer is sent unchanged (its headers may have been marked). `collect`: its
 * body is needed. `gone`: nobody waits any more, drop its body.
 */
export type HeadVerdict = 'pass' | 'collect' | 'gone' | Answer;

/** Names the model that served, or why none did. */
const STATUS_HEADER = 'X-Dualscale';

const VALIDATORS = ['etag', 'last-modified'];

/** Headers about the host's own bytes, wrong for others. */
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

/** Removed from an error: a cache must not keep a refusal instead of the picture. */
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

export interface EtagInputs {
  readonly query: Pick<UpscaleQuery, 'canonical'> & {
    /** A new model, and so another digest, gives new pixels. */
    readonly models: readonly Pick<ServingModel, 'scale' | 'digest'>[];
  };
  /** The host's own ETag, or a digest of its bytes where it has none. */
  readonly source: string;
  /** The host's media type: one URL may give several by negotiation. */
  readonly mediaType: string;
  /** Settings of the encoder and policies; others give other bytes. */
  readonly encoding: string;
}

/**
 * The validator of an enlarged picture: made from what it depends on, so a match is answered before
 * a pixel is decoded. Weak on purpose: two machines with different float units, or two libvips
 * builds behind one cache, make equal pictures that differ in some bytes.
 *
 * @param fallbackModel makes the picture instead of the serving model of its scale.
 */
export function etagOf(
  { query, source, mediaType, encoding }: EtagInputs,
  fallbackModel?: Pick<ServingModel, 'scale' | 'digest'>,
  format = PICTURE_FORMAT,
): string {
  const makers = query.models.map((model) => (model.scale === fallbackModel?.scale ? fallbackModel : model));
  const digests = makers.map(({ digest }) => digest).join();
  const text = JSON.stringify([format, source, mediaType, query.canonical, digests, encoding]);
  return `W/"ds-${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
}

const opaque = (tag: string): string => tag.replace(/^W\//, '');

/** RFC 9110 13.1.2: the weak comparison, over a list or `*`. */
export function matchesIfNoneMatch(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  // Entity tags may hold commas between their quotes, so the list is not split at commas.
  const tags = ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => opaque(tag) === opaque(etag));
}

function remove(headers: HeaderStore, names: readonly string[]): void {
  for (const name of names) headers.delete(name);
}

/** The host's own answer and validators stay: it is the same each time. */
export function markSkipped(headers: HeaderStore, reason: string): void {
  headers.set(STATUS_HEADER, `skipped; reason=${reason}`);
}

/**
 * The host's own picture instead of one that failed: the next request may succeed, so no cache
 * keeps it.
 */
export function markPassedOn(headers: HeaderStore, reason: string): void {
  // A picture that is too large stays that.
  if (reason !== 'too-large') {
    remove(headers, [...VALIDATORS, ...FRESHNESS]);
    headers.set('Cache-Control', 'no-store');
  }
  markSkipped(headers, reason);
}

/**
 * Rules for single caches, which would go before the general one; and what lets a stale answer live
 * on.
 */
const OVERRULING = ['cdn-cache-control', 'surrogate-control', 'expires'];
const PROLONGING = /^(?:immutable|stale-while-revalidate|stale-if-error)\b/i;
const LIFETIME = /^(s-maxage|max-age)\s*=\s*"?(\d+)"?$/i;

function shortened(directive: string, seconds: number): string {
  const [, name, lifetime] = LIFETIME.exec(directive) ?? [];
  return name === undefined ? directive : `${name}=${Math.min(seconds, Number(lifetime))}`;
}

/**
 * Lets caches ask again after `seconds` at the latest. Shorter times, `no-store`, `no-cache` and
 * `private` stay as the host set them; where it set nothing nothing is set.
 */
export function limitFreshness(headers: HeaderStore, seconds: number): void {
  const expires = OVERRULING.filter((name) => headers.get(name) != null).length > 0;
  for (const name of OVERRULING) headers.delete(name);
  const directives = (headers.get('cache-control') ?? '')
    .split(',')
    .map((directive) => directive.trim())
    .filter((directive) => directive !== '' && !PROLONGING.test(directive))
    .map((directive) => shortened(directive, seconds));
  const isTimed = directives.some((directive) => LIFETIME.test(directive));
  // What lived by a header that is gone now lives by this one.
  const isKept = !directives.some((directive) => /^no-(?:store|cache)\b/i.test(directive));
  if (expires && !isTimed && isKept) directives.push(`max-age=${seconds}`);
  if (directives.length > 0) headers.set('Cache-Control', directives.join(', '));
}

export interface ServedBy {
  /** Undefined where the picture's size decides (`upscale=auto`) and is not known. */
  readonly model: { readonly id: string; readonly scale: number } | undefined;
  /** Undefined where nothing to make it from is known: a HEAD to a host without validators. */
  readonly etag: string | undefined;
  /** Why `model` answers instead of the serving one. */
  readonly why?: string | undefined;
}

/** The serving model may be free by then, and its picture is better. */
const FALLBACK_SECONDS = 60;

/**
 * The head that a GET, a HEAD and a 304 share. Cache-Control, Vary, CSP and the rest of the host's
 * headers stay.
 */
export function describePicture(headers: HeaderStore, { model, etag, why }: ServedBy): void {
  remove(headers, ABOUT_THE_BYTES);
  if (etag !== undefined) headers.set('ETag', etag);
  headers.set('X-Content-Type-Options', 'nosniff');
  if (why !== undefined) limitFreshness(headers, FALLBACK_SECONDS);
  if (model) headers.set(STATUS_HEADER, [`model=${model.id}`, `scale=${model.scale}`, ...whyPart(why)].join('; '));
}

const whyPart = (why: string | undefined): string[] => (why === undefined ? [] : [`why=${why}`]);

/** What was chosen and why; the numbers are what the choice was made by. */
function degradationParts({ kind, why, sigma, noise, jpegQuality }: DegradationNote): string[] {
  const seen =
    sigma === undefined ? [] : [`sigma=${sigma.toFixed(2)}`, `noise=${noise?.toFixed(1)}`, `jpeg=${jpegQuality}`];
  return [`degradation=${kind}`, `why=${why}`, ...seen];
}

function statusOf(picture: ServedPicture, fallbackModel: FallbackModel | undefined): string {
  const { modelId, scale, requestedScale, consistencyError, fallback, degradation } = picture;
  const parts = [`model=${modelId}`, `scale=${scale}`, ...whyPart(fallbackModel?.why)];
  if (requestedScale !== undefined && requestedScale !== scale) parts.push(`asked=${requestedScale}`);
  // The reason for a fallback model is there already, and it made no estimate.
  if (degradation) parts.push(...(fallbackModel ? [`degradation=${degradation.kind}`] : degradationParts(degradation)));
  if (consistencyError !== undefined) parts.push(`consistency=${consistencyError.toFixed(2)}`);
  if (fallback !== undefined) parts.push(`fallback=${fallback}`);
  return parts.join('; ');
}

/** Adds the body's own headers for a 200. @param hostMs until the host's picture was there. */
export function describeBody(
  headers: HeaderStore,
  picture: ServedPicture,
  hostMs: number,
  fallbackModel?: FallbackModel,
): void {
  const { timings, queueMs, cache } = picture;
  const stages = Object.entries(cache === 'hit' ? { host: hostMs } : { host: hostMs, queue: queueMs, ...timings });
  headers.set(STATUS_HEADER, statusOf(picture, fallbackModel));
  headers.append('Cache-Status', CACHE_STATUS[cache]);
  headers.set('Content-Type', `image/${picture.format}`);
  headers.set('Content-Length', String(picture.data.length));
  headers.append('Server-Timing', stages.map(([name, ms]) => `${name};dur=${ms.toFixed(1)}`).join(', '));
}

/** A 304 carries what a cache needs to refresh what it has, and nothing about a body. */
export function describeNotModified(headers: HeaderStore, served: ServedBy): Answer {
  describePicture(headers, served);
  headers.delete('Content-Type');
  return { status: 304 };
}

/** A 304 for a picture of the host's. */
export function describeUnchanged(headers: HeaderStore): Answer {
  remove(headers, ['Content-Length', 'Content-Type']);
  return { status: 304 };
}

/** An error's name in the sense of RFC 9457; the same in the API of jobs. */
const typeOf = (code: ErrorCode): string => `urn:dualscale:error:${code.slice(3).toLowerCase().replaceAll('_', '-')}`;

/**
 * Prepares the headers of RFC 9457 and gives the body: the table's text and a public detail, never
 * a path or a stack.
 */
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
