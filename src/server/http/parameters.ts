/**
 * The names of our query parameters, and hiding them and what belongs to the enlarged picture from
 * the host.
 */
import type { IncomingMessage } from 'node:http';

export const PARAMETER = 'upscale';
export const MODEL_PARAMETER = 'sr_model';
export const DEGRADATION_PARAMETER = 'sr_degradation';
export const SIGMA_PARAMETER = 'sr_sigma';
export const NOISE_PARAMETER = 'sr_noise';
export const EXPIRY_PARAMETER = 'sr_exp';
export const SIGNATURE_PARAMETER = 'sr_sig';

/** All of them. `w` and `h`, which `upscale=auto` reads, are the host's own and stay. */
export const PARAMETERS: readonly string[] = [
  PARAMETER,
  MODEL_PARAMETER,
  DEGRADATION_PARAMETER,
  SIGMA_PARAMETER,
  NOISE_PARAMETER,
  EXPIRY_PARAMETER,
  SIGNATURE_PARAMETER,
];

const nameOf = (pair: string): string => pair.split('=', 1)[0];

function pairsOf(url: string): string[] {
  const start = url.indexOf('?');
  return start < 0 ? [] : url.slice(start + 1).split('&');
}

/** Every value of the parameter as written, `''` for a bare name. */
export function valuesOf(url: string, name: string): string[] {
  return pairsOf(url)
    .filter((pair) => nameOf(pair) === name)
    .map((pair) => pair.slice(name.length + 1));
}

/** Every value of `upscale`; undefined when the URL does not carry it. */
export function upscaleValues(url: string): string[] | undefined {
  const start = url.indexOf('?');
  // Most requests leave here: a request without the parameter must cost nothing.
  if (start < 0 || url.indexOf(PARAMETER, start) < 0) return undefined;
  const values = valuesOf(url, PARAMETER);
  return values.length > 0 ? values : undefined;
}

/**
 * `url` without the named parameters; the rest keeps its spelling and its order, because hosts sign
 * and hash it.
 */
export function withoutParameters(url: string, names: readonly string[] = PARAMETERS): string {
  const start = url.indexOf('?');
  if (start < 0) return url;
  const pairs = pairsOf(url);
  const kept = pairs.filter((pair) => !names.includes(nameOf(pair)));
  if (kept.length === pairs.length) return url;
  return kept.length > 0 ? `${url.slice(0, start)}?${kept.join('&')}` : url.slice(0, start);
}

/**
 * What belongs to the enlarged picture and not to the host's: a validator or a byte range of ours
 * means nothing to the host. Adapters take these headers out of the request that the host sees,
 * which then is one for the whole, uncompressed picture.
 */
export const HIDDEN_HEADERS: readonly string[] = [
  'if-none-match',
  'if-modified-since',
  'if-match',
  'if-unmodified-since',
  'range',
  'if-range',
  'accept-encoding',
];

/** Takes `HIDDEN_HEADERS` out of every form in which Node keeps them. */
export function hideHeaders({ headers, headersDistinct, rawHeaders }: IncomingMessage): void {
  for (const name of HIDDEN_HEADERS) {
    delete headers[name];
    // HTTP/2 compatibility requests have no `headersDistinct`.
    if (headersDistinct) delete headersDistinct[name];
  }
  // Adapters to the fetch API build their `Request` from these pairs, so both forms must agree.
  // HTTP/2 hands out its own array, hence the change in place.
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    if (HIDDEN_HEADERS.includes(rawHeaders[i].toLowerCase())) rawHeaders.splice(i, 2);
  }
}

/** Takes our parameters out of a parsed query. */
export function hideQuery(query: unknown): void {
  if (query && typeof query === 'object') {
    for (const name of PARAMETERS) delete (query as Record<string, unknown>)[name];
  }
}

/**
 * Sets `req.url` to `url`, which is without our parameters. `req.originalUrl` stays what the client
 * sent: Express uses it for redirects and logs, never to find the file.
 */
export function rewriteUrl(req: IncomingMessage, url: string): void {
  req.url = url;
  // Express 4 parsed the query before any middleware ran; Express 5 parses it anew from `url` at
  // each access.
  hideQuery(Object.getOwnPropertyDescriptor(req, 'query')?.value);
}
