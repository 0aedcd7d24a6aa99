/** Decides what happens to a host's answer, and to an error after it. */
import { type ImageHeader, readHeader } from '../../core/codec/header.ts';
import { DualscaleError } from '../../core/errors.ts';
import type { OnError, OnLimit } from '../service/picture.ts';
import type { HeaderStore } from './respond.ts';

/**
 * Why a 200 image is sent as the host made it. A closed set: it is a metric label and a header
 * value. `too-large`: beyond the limits, with `onLimit` other than `reject`; `large-enough`: it
 * fills `w` and `h` already; the last three are errors of ours, with `onError: 'passthrough'`.
 */
export type SkipReason =
  | 'svg'
  | 'animated'
  | 'format'
  | 'encoded'
  | 'empty'
  | 'too-large'
  | 'large-enough'
  | 'bad-image'
  | 'busy'
  | 'failed';

export type AnswerClass =
  | { readonly kind: 'picture'; readonly mediaType: string }
  | { readonly kind: 'skip'; readonly reason: SkipReason }
  /** Not a picture, or not a whole one: it is sent unchanged. */
  | { readonly kind: 'other' };

/** Media types that may be enlarged. `image/jpg` is wrong and common. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/jpg', 'image/webp', 'image/avif']);

/** From the head of the host's answer. */
export function classifyAnswer(status: number, headers: HeaderStore): AnswerClass {
  if (status !== 200) return { kind: 'other' };
  const mediaType = (headers.get('content-type') ?? '').split(';')[0].trim().toLowerCase();
  if (!mediaType.startsWith('image/')) return { kind: 'other' };
  if (mediaType === 'image/svg+xml') return { kind: 'skip', reason: 'svg' };
  if (!PICTURES.has(mediaType)) return { kind: 'skip', reason: 'format' };
  const encoding = (headers.get('content-encoding') ?? '').toLowerCase();
  if (encoding !== '' && encoding !== 'identity') return { kind: 'skip', reason: 'encoded' };
  return { kind: 'picture', mediaType };
}

/**
 * From the host's body: its header, which is read here and nowhere else, or why it is left
 * unchanged. Throws DS_BAD_IMAGE.
 */
export async function classifyBody(bytes: Buffer): Promise<ImageHeader | SkipReason> {
  if (bytes.length === 0) return 'empty';
  try {
    const header = await readHeader(bytes);
    return header.isAnimated ? 'animated' : header;
  } catch (error) {
    // The media type promised a picture we know, the bytes are another kind: a browser shows it, so
    // it is sent unchanged.
    if (error instanceof DualscaleError && error.code === 'DS_UNSUPPORTED_IMAGE') return 'format';
    throw error;
  }
}

/**
 * The host's ETag when it is a well-formed one (image-steam sends an unquoted number), else
 * undefined.
 */
export function hostEtag(headers: HeaderStore): string | undefined {
  const etag = headers.get('etag') ?? '';
  return /^(?:W\/)?"[^"]*"$/.test(etag) ? etag : undefined;
}

/** The announced body length, or undefined. */
export function announcedLength(headers: HeaderStore): number | undefined {
  const text = headers.get('content-length') ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** For a host's picture whose bytes are too many to be kept. */
export function tooLarge(maxInputBytes: number): DualscaleError {
  const publicDetail = `The limit is ${maxInputBytes} bytes.`;
  const message = `the host's picture exceeds maxInputBytes. ${publicDetail}`;
  return new DualscaleError('DS_INPUT_TOO_LARGE', message, { publicDetail });
}

/**
 * `upscaled`; `cached`; `not-modified`: a 304; `head`: headers only; `skipped`: a picture left as
 * it is; `passed`: not a picture; `passthrough`: the host's own instead of an error; `rejected`: a
 * 4xx of ours; `busy`: a 503; `failed`: another 5xx; `aborted`: the client left.
 */
export type RequestOutcome =
  | 'upscaled'
  | 'cached'
  | 'not-modified'
  | 'head'
  | 'skipped'
  | 'passed'
  | 'passthrough'
  | 'rejected'
  | 'busy'
  | 'failed'
  | 'aborted';

/**
 * Any thrown value as one of the table's errors: what was not thrown on purpose is a 500 without
 * details.
 */
export function toProblem(error: unknown): DualscaleError {
  if (error instanceof DualscaleError) return error;
  return new DualscaleError('DS_ENGINE', `unexpected: ${String(error)}`, { cause: error });
}

export interface FailurePolicies {
  readonly onLimit: OnLimit;
  readonly onError: OnError;
}

export interface Failure {
  readonly problem: DualscaleError;
  readonly outcome: RequestOutcome;
  /** For the log. */
  readonly isServerFault: boolean;
  /** Why the host's own picture is sent; undefined where the problem is. */
  readonly instead: SkipReason | undefined;
}

const LIMITS: ReadonlySet<string> = new Set(['DS_INPUT_TOO_LARGE', 'DS_OUTPUT_TOO_LARGE']);
/** There was too much to do, or no time left; nothing is broken. */
const BUSY: ReadonlySet<string> = new Set(['DS_BUSY', 'DS_DEADLINE', 'DS_CLOSING']);

/** An error after the host has answered with a picture. */
export function classifyFailure(error: unknown, policies: FailurePolicies): Failure {
  const thrown = toProblem(error);
  // The client is still there, so it was the server that gave up: it is closing.
  const problem = thrown.code === 'DS_ABORTED' ? new DualscaleError('DS_CLOSING', thrown.message) : thrown;
  const isBusy = BUSY.has(problem.code);
  const isServerFault = problem.status >= 500 && !isBusy;
  const instead = insteadOf(problem, isBusy, policies);
  return { problem, outcome: outcomeOf(instead, isBusy, isServerFault), isServerFault, instead };
}

function outcomeOf(instead: SkipReason | undefined, isBusy: boolean, isServerFault: boolean): RequestOutcome {
  if (instead !== undefined) return instead === 'too-large' ? 'skipped' : 'passthrough';
  if (isBusy) return 'busy';
  return isServerFault ? 'failed' : 'rejected';
}

function insteadOf(problem: DualscaleError, isBusy: boolean, policies: FailurePolicies): SkipReason | undefined {
  // `clamp` comes here only where not even the smallest scale fits.
  if (LIMITS.has(problem.code)) return policies.onLimit === 'reject' ? undefined : 'too-large';
  if (policies.onError === 'fail') return undefined;
  if (isBusy) return 'busy';
  return problem.status >= 500 ? 'failed' : 'bad-image';
}
