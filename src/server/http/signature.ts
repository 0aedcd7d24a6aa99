/**
 * Signed URLs: only holders of a key can make this server work. HMAC-SHA256 over path and query as
 * the client sends them.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { badOption, DualscaleError } from '../../core/errors.ts';
import { EXPIRY_PARAMETER, PARAMETER, SIGNATURE_PARAMETER, valuesOf, withoutParameters } from './parameters.ts';

export interface SigningOptions {
  /**
   * Secrets of at least 16 characters, 1 to 16 of them. The first signs, all are accepted: put a
   * new one in front, and take the old one out when the URLs it signed are gone.
   */
  readonly keys: readonly string[];
  /**
   * Whether a request without a signature is refused with a 403. One with a wrong signature always
   * is. @default true
   */
  readonly required?: boolean;
}

const SHORTEST_KEY = 16;
const MAX_KEYS = 16;
/** Seconds since 1970 up to the year 5138. */
const EXPIRY = /^\d{1,11}$/;

/** Throws DS_BAD_OPTION. Keys are not repeated in the message. */
export function checkSigning({ keys, required = true }: SigningOptions): Required<SigningOptions> {
  const isKey = (key: unknown) => typeof key === 'string' && key.length >= SHORTEST_KEY;
  if (!Array.isArray(keys) || keys.length < 1 || keys.length > MAX_KEYS || !keys.every(isKey)) {
    const got = Array.isArray(keys) ? `${keys.length} keys, some shorter or no text` : typeof keys;
    throw badOption('signing.keys', `1 to ${MAX_KEYS} texts of at least ${SHORTEST_KEY} characters`, got);
  }
  if (typeof required !== 'boolean') throw badOption('signing.required', 'true or false', required);
  return { keys, required };
}

function signatureOf(unsigned: string, key: string): string {
  return createHmac('sha256', key).update(unsigned).digest('base64url');
}

export interface SignUrlOptions {
  /** One of `signing.keys`. */
  readonly key: string;
  /** When the URL stops working, to the second. @default never */
  readonly expires?: Date;
}

/**
 * Appends `sr_exp` and `sr_sig`. `url`: a path with its query (`/photos/cat.jpg?upscale=4`) or an
 * absolute URL, of which path and query are signed, with the spelling that clients will send.
 * Throws DS_BAD_OPTION for a URL without `upscale`, with a fragment, signed already.
 */
export function signUrl(url: string, { key, expires }: SignUrlOptions): string {
  checkSigning({ keys: [key] });
  const isSigned = valuesOf(url, SIGNATURE_PARAMETER).length > 0 || valuesOf(url, EXPIRY_PARAMETER).length > 0;
  if (valuesOf(url, PARAMETER).length === 0 || isSigned || url.includes('#')) {
    throw badOption('url', `a URL with \`${PARAMETER}\`, without a fragment, not signed yet`, url);
  }
  const origin = /^https?:\/\/[^/?]+/i.exec(url)?.[0] ?? '';
  const seconds = expires && Math.floor(expires.getTime() / 1000);
  if (seconds !== undefined && !EXPIRY.test(String(seconds))) throw badOption('expires', 'a date after 1970', expires);
  const unsigned = url.slice(origin.length) + (seconds === undefined ? '' : `&${EXPIRY_PARAMETER}=${seconds}`);
  return `${origin}${unsigned}&${SIGNATURE_PARAMETER}=${signatureOf(unsigned, key)}`;
}

function refuse(message: string, publicDetail: string): DualscaleError {
  return new DualscaleError('DS_BAD_SIGNATURE', message, { publicDetail });
}

/** `url`: path and query as the client sent them. Throws DS_BAD_SIGNATURE. */
export function verifySignature(url: string, { keys, required }: Required<SigningOptions>, unixMs: number): void {
  const signatures = valuesOf(url, SIGNATURE_PARAMETER);
  const [given] = signatures;
  if (given === undefined) {
    if (!required) return;
    throw refuse('the URL is not signed', `\`${SIGNATURE_PARAMETER}\` is missing.`);
  }
  const unsigned = withoutParameters(url, [SIGNATURE_PARAMETER]);
  // Texts are compared, not what they decode to: base64 has many spellings of the same bytes, each
  // a new URL for a cache.
  const bytes = Buffer.from(given);
  // Every key is compared to the end: the time it takes reveals nothing about which one nearly
  // matches.
  const matches = keys.map((key) => {
    const expected = Buffer.from(signatureOf(unsigned, key));
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
  if (signatures.length > 1 || !matches.includes(true))
    throw refuse('the signature is wrong', 'The signature does not match the URL.');
  const [expiry, ...more] = valuesOf(url, EXPIRY_PARAMETER);
  if (expiry === undefined) return;
  if (more.length > 0 || !EXPIRY.test(expiry))
    throw refuse(`\`${EXPIRY_PARAMETER}\` is ${expiry}`, `\`${EXPIRY_PARAMETER}\` must be a Unix time in seconds.`);
  if (Number(expiry) * 1000 <= unixMs) throw refuse(`the URL expired at ${expiry}`, 'The URL has expired.');
}
