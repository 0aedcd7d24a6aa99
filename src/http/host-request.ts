/** Makes the request look to the host like a plain one for the whole, original, uncompressed picture. */
import type { IncomingMessage } from 'node:http';
import { PARAMETER, withoutParameter } from './parse-request.ts';

/** What belongs to the enlarged picture and not to the host's: a validator or a byte range of ours means nothing to the host. */
const HIDDEN = new Set([
  'if-none-match',
  'if-modified-since',
  'if-match',
  'if-unmodified-since',
  'range',
  'if-range',
  'accept-encoding',
]);

export interface HostRequest {
  /** The client's `If-None-Match`, which the host no longer sees. */
  readonly ifNoneMatch: string | undefined;
}

function hideRawHeaders(raw: string[]): void {
  // Adapters to the fetch API build their `Request` from these pairs, so both forms must agree. HTTP/2 hands out its own
  // array, hence the change in place.
  for (let i = raw.length - 2; i >= 0; i -= 2) {
    if (HIDDEN.has((raw[i] as string).toLowerCase())) raw.splice(i, 2);
  }
}

/**
 * Strips the parameter from `req.url` and the conditional, range and encoding headers from the request.
 * `req.originalUrl` stays what the client sent: Express uses it for redirects and logs, never to find the file.
 */
export function prepareHostRequest(req: IncomingMessage): HostRequest {
  const headers = req.headers;
  const ifNoneMatch = headers['if-none-match'];
  for (const name of HIDDEN) {
    delete headers[name];
    // HTTP/2 compatibility requests have no `headersDistinct`.
    if (req.headersDistinct) delete req.headersDistinct[name];
  }
  hideRawHeaders(req.rawHeaders);
  req.url = withoutParameter(req.url ?? '/');
  // Express 4 parsed the query before any middleware ran; Express 5 parses it anew from `url` at each access.
  const query = Object.getOwnPropertyDescriptor(req, 'query')?.value as Record<string, unknown> | undefined;
  if (query && typeof query === 'object') delete query[PARAMETER];
  return { ifNoneMatch };
}
