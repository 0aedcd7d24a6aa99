/** Looks at the head of the host's answer and says what is to become of it. */
import type { ServerResponse } from 'node:http';

/** Why a 200 image goes out as the host made it. A closed set: it is a metric label and a header value. */
export type SkipReason = 'svg' | 'animated' | 'format' | 'encoded' | 'empty';

export type AnswerClass =
  | { readonly kind: 'picture'; readonly mediaType: string }
  | { readonly kind: 'skip'; readonly reason: SkipReason }
  /** Not a picture, or not a whole one: none of our business. */
  | { readonly kind: 'other' };

/** Media types that may be enlarged. `image/jpg` is wrong and common. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/jpg', 'image/webp', 'image/avif']);

function headerText(res: ServerResponse, name: string): string {
  const value = res.getHeader(name);
  return Array.isArray(value) ? value.join(', ') : String(value ?? '');
}

export function classifyAnswer(res: ServerResponse): AnswerClass {
  if (res.statusCode !== 200) return { kind: 'other' };
  const mediaType = (headerText(res, 'content-type').split(';')[0] as string).trim().toLowerCase();
  if (!mediaType.startsWith('image/')) return { kind: 'other' };
  if (mediaType === 'image/svg+xml') return { kind: 'skip', reason: 'svg' };
  if (!PICTURES.has(mediaType)) return { kind: 'skip', reason: 'format' };
  const encoding = headerText(res, 'content-encoding').toLowerCase();
  if (encoding !== '' && encoding !== 'identity') return { kind: 'skip', reason: 'encoded' };
  return { kind: 'picture', mediaType };
}

/** The host's ETag when it is a well-formed one (image-steam sends an unquoted number), else undefined. */
export function hostEtag(res: ServerResponse): string | undefined {
  const etag = headerText(res, 'etag');
  return /^(?:W\/)?"[^"]*"$/.test(etag) ? etag : undefined;
}

/** The announced body length, or undefined. */
export function announcedLength(res: ServerResponse): number | undefined {
  const text = headerText(res, 'content-length');
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
