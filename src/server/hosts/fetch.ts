/**
 * `dualscale/fetch`: around any fetch handler, `(Request) => Response`: Hono, h3, srvx, Nitro, IPX
 * 4.
 */

import type { Exchange } from '../http/exchange.ts';
import { HIDDEN_HEADERS } from '../http/parameters.ts';
import type { PictureCore } from '../http/picture-core.ts';
import { type Answer, describeProblem, type HeaderStore } from '../http/respond.ts';

/**
 * A request handler of the fetch API; `Rest` is what the host's runtime passes besides the request.
 */
export type FetchHandler<Rest extends readonly unknown[]> = (
  request: Request,
  ...rest: Rest
) => Response | Promise<Response>;

/**
 * `pathname` and `search` as they are written in an absolute URL, its host, and nothing of a
 * fragment.
 */
function partsOf(url: string): { readonly hostName: string; readonly clientUrl: string } {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  return { hostName: url.slice(0, start), clientUrl: url.slice(start) };
}

/**
 * Gives `made` what a host's runtime adds to requests (`ip`, `runtime`, `waitUntil` of srvx, `cf`
 * of others). What begins with `_` is the runtime's own, and may hold the URL as it was.
 */
function withExtras(made: Request, request: Request): Request {
  for (let level: object | null = request; level && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const name of Object.getOwnPropertyNames(level)) {
      if (name in made || name.startsWith('_')) continue;
      const get = () => {
        const value: unknown = Reflect.get(request, name, request);
        return typeof value === 'function' ? value.bind(request) : value;
      };
      Object.defineProperty(made, name, { configurable: true, enumerable: true, get });
    }
  }
  return made;
}

function plainRequest(request: Request, url: string): Request {
  const headers = new Headers(request.headers);
  for (const name of HIDDEN_HEADERS) headers.delete(name);
  return withExtras(new Request(url, { method: request.method, headers, signal: request.signal }), request);
}

function respond({ status, body }: Answer, headers: Headers): Response {
  return new Response((body as Uint8Array<ArrayBuffer> | undefined) ?? null, { status, headers });
}

/** The host's answer with headers that may have been marked. */
function passOn(host: Response, headers: Headers, body: ReadableStream | null = host.body): Response {
  // A 101 or an answer of another realm cannot be made anew, and need not be where nothing changed.
  const isMarked = headers.get('x-dualscale') !== host.headers.get('x-dualscale');
  if (!isMarked) return host;
  return new Response(body, { status: host.status, statusText: host.statusText, headers });
}

function continued(kept: readonly Uint8Array[], reader: ReadableStreamDefaultReader<Uint8Array>): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const chunk of kept) controller.enqueue(chunk);
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** Undefined when nobody waits any more: the host need not go on. */
async function collect(host: Response, headers: Headers, exchange: Exchange): Promise<Response | Buffer | undefined> {
  const reader = (host.body ?? new Blob([]).stream()).getReader();
  // What is being read then ends.
  const stop = () => void reader.cancel().catch(() => {});
  exchange.gone.addEventListener('abort', stop, { once: true });
  const kept: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (exchange.gone.aborted) return undefined;
    if (done) return Buffer.concat(kept);
    kept.push(value);
    size += value.length;
    if (size > exchange.maxBytes) {
      const verdict = exchange.overflow();
      if (verdict === 'pass') return passOn(host, headers, continued(kept, reader));
      await reader.cancel();
      return respond(verdict, headers);
    }
  }
}

/** Undefined when nobody waits any more. */
async function transform(host: Response, exchange: Exchange): Promise<Response | undefined> {
  const headers = new Headers(host.headers);
  const verdict = exchange.head(host.status, headers);
  if (verdict === 'pass') return passOn(host, headers);
  if (verdict !== 'collect') {
    await host.body?.cancel();
    return verdict === 'gone' ? undefined : respond(verdict, headers);
  }
  const collected = await collect(host, headers, exchange);
  if (!Buffer.isBuffer(collected)) return collected;
  const answer = await exchange.body(collected);
  return answer && respond(answer, headers);
}

function expired(exchange: Exchange): Response | undefined {
  const headers = new Headers();
  const answer = exchange.expire(headers as HeaderStore);
  return answer && respond(answer, headers);
}

/**
 * The host's answer through the exchange, or ours where the host is too slow. Rejects as the host
 * does.
 */
function through(exchange: Exchange, signal: AbortSignal, ask: () => Response | Promise<Response>): Promise<Response> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      exchange.leave();
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      const answer = expired(exchange);
      if (answer) resolve(answer);
    }, exchange.deadlineMs);
    signal.addEventListener('abort', leave, { once: true });
    const work = async () => transform(await ask(), exchange);
    work()
      .then(
        // Nothing: the promise is settled, for the client has left or has another answer.
        (response) => response && resolve(response),
        (error: unknown) => {
          exchange.leave();
          reject(error);
        },
      )
      .finally(() => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
      });
  });
}

/**
 * Enlarges the pictures with which `handler` answers `?upscale=N`. The handler sees a plain request
 * without our parameters; everything else passes through unchanged.
 *
 * @example export default { fetch: withUpscale(app.fetch, dualscale) };
 */
export function withUpscale<Rest extends readonly unknown[]>(
  handler: FetchHandler<Rest>,
  { core }: { readonly core: PictureCore },
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const { method, url, headers, signal } = request;
    const ifNoneMatch = headers.get('if-none-match') ?? undefined;
    const begun = core.begin({ method, url, ...partsOf(url), ifNoneMatch });
    if (begun === undefined) return handler(request, ...rest);
    if (begun.kind === 'refused') {
      const refusal = new Headers();
      const body = describeProblem(refusal, begun.problem);
      return respond({ status: begun.problem.status, body: method === 'HEAD' ? Buffer.alloc(0) : body }, refusal);
    }
    if (begun.kind === 'ignored') return handler(withExtras(new Request(begun.url, request), request), ...rest);
    return through(begun.exchange, signal, () => handler(plainRequest(request, begun.url), ...rest));
  };
}
