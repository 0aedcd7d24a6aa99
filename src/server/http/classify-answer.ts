/** Looks at the head of the host's answer and says what is to become of it. */
import type { HeaderStore } from './header-store.ts';

/**
 * Why a 200 image goes out as the host made it. A closed set: it is a metric label and a header value. `too-large`: beyond the
 * limits, with `onLimit` other than `reject`; `large-enough`: it fills `w` and `h` already; the last three are errors of ours,
 * with `onError: 'passthrough'`.
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
  /** Not a picture, or not a whole one: none of our business. */
  | { readonly kind: 'other' };

/** Media types that may be enlarged. `image/jpg` is wrong and common. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/jpg', 'image/webp', 'image/avif']);

export function classifyAnswer(status: number, headers: HeaderStore): AnswerClass {
  if (status !== 200) return { kind: 'other' };
  const mediaType = ((headers.get('content-type') ?? '').split(';')[0] as string).trim().toLowerCase();
  if (!mediaType.startsWith('image/')) return { kind: 'other' };
  if (mediaType === 'image/svg+xml') return { kind: 'skip', reason: 'svg' };
  if (!PICTURES.has(mediaType)) return { kind: 'skip', reason: 'format' };
  const encoding = (headers.get('content-encoding') ?? '').toLowerCase();
  if (encoding !== '' && encoding !== 'identity') return { kind: 'skip', reason: 'encoded' };
  return { kind: 'picture', mediaType };
}

/** The host's ETag when it is a well-formed one (image-steam sends an unquoted number), else undefined. */
export function hostEtag(headers: HeaderStore): string | undefined {
  const etag = headers.get('etag') ?? '';
  return /^(?:W\/)?"[^"]*"$/.test(etag) ? etag : undefined;
}

/** The announced body length, or undefined. */
export function announcedLength(headers: HeaderStore): number | undefined {
  const text = headers.get('content-length') ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
