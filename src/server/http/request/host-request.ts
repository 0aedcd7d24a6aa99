/** Makes the request look to the host like a plain one for the whole, original, uncompressed picture. */
import type { IncomingMessage } from 'node:http';
import { HIDDEN_HEADERS } from '../picture-core.ts';
import { PARAMETERS } from './parameters.ts';

const HIDDEN: ReadonlySet<string> = new Set(HIDDEN_HEADERS);

function hideRawHeaders(raw: string[]): void {
  // Adapters to the fetch API build their `Request` from these pairs, so both forms must agree. HTTP/2 hands out its own
  // array, hence the change in place.
  for (let i = raw.length - 2; i >= 0; i -= 2) {
    if (HIDDEN.has((raw[i] as string).toLowerCase())) raw.splice(i, 2);
  }
}

/** Takes the conditional, range and encoding headers out of every form in which Node keeps them. */
export function hideHeaders(req: IncomingMessage): void {
  for (const name of HIDDEN) {
    delete req.headers[name];
    // HTTP/2 compatibility requests have no `headersDistinct`.
    if (req.headersDistinct) delete req.headersDistinct[name];
  }
  hideRawHeaders(req.rawHeaders);
}

/**
 * Sets `req.url` to `url`, which is without our parameters. `req.originalUrl` stays what the client sent: Express uses it for
 * redirects and logs, never to find the file.
 */
export function rewriteUrl(req: IncomingMessage, url: string): void {
  req.url = url;
  // Express 4 parsed the query before any middleware ran; Express 5 parses it anew from `url` at each access.
  const query = Object.getOwnPropertyDescriptor(req, 'query')?.value as Record<string, unknown> | undefined;
  if (query && typeof query === 'object') for (const name of PARAMETERS) delete query[name];
}
