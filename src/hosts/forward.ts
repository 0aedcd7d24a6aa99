/** One request to the upstream and its answer back: a host like any other, which the middleware stands in front of. */
import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream';
import { DualscaleError } from '../errors.ts';
import { sendProblem } from '../http/middleware.ts';
import { countVia, requestHeaders, responseHeaders } from './forwarded-headers.ts';
import type { Upstream } from './upstream.ts';

export interface ForwardOptions {
  readonly upstream: Upstream;
  /** Milliseconds until the upstream's head must be there, and between two parts of its body. */
  readonly timeoutMs: number;
  /** Bytes of the upstream's response head. */
  readonly maxHeaderBytes: number;
  /** Told the full text of each failure of the upstream. */
  readonly onFailure: (error: unknown) => void;
}

export interface Forwarder {
  forward(req: IncomingMessage, res: ServerResponse): void;
  /** Closes idle connections to the upstream. */
  close(): void;
}

/** What a proxy in front of a picture server has to let through. */
const METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** `..` in any spelling would lead out of the base path, a backslash is a slash to some servers, an absolute form names another host. */
const UNSAFE_PATH = /^[^/]|[\\\s]|(?:^|\/)(?:\.|%2e){1,2}(?:\/|$|%2f|%5c)|%5c|^\/\//i;

/** Proxies in a row that make sense: one in front of another's cache. */
const MOST_PROXIES = 3;

function judgeRequest(method: string, path: string, via: string | undefined): DualscaleError | undefined {
  if (countVia(via) >= MOST_PROXIES) return new DualscaleError('DS_UPSTREAM', 'the upstream leads back to this proxy');
  if (!METHODS.includes(method)) return new DualscaleError('DS_METHOD', `${method} is not passed on`);
  return UNSAFE_PATH.test(path) ? new DualscaleError('DS_BAD_REQUEST', `not a path to pass on: ${path}`) : undefined;
}

function toUpstreamError(error: unknown): DualscaleError {
  if (error instanceof DualscaleError) return error;
  return new DualscaleError('DS_UPSTREAM', `the upstream failed: ${String(error)}`, { cause: error });
}

/** Class rather than closures: agent and options belong to every request. */
class UpstreamForwarder implements Forwarder {
  readonly #options: ForwardOptions;
  readonly #agent: Agent;

  constructor(options: ForwardOptions) {
    this.#options = options;
    const { upstream } = options;
    this.#agent = new (upstream.isHttps ? HttpsAgent : Agent)({ keepAlive: true, lookup: upstream.lookup });
  }

  forward(req: IncomingMessage, res: ServerResponse): void {
    const { method = 'GET', url = '/' } = req;
    // A body that nobody asked for would otherwise hold the connection.
    req.resume();
    const refusal = judgeRequest(method, url.split('?', 1)[0] as string, req.headers.via);
    if (refusal) {
      if (refusal.status === 405) res.setHeader('Allow', METHODS.join(', '));
      sendProblem(res, refusal);
      return;
    }
    const request = this.#ask(req, method, url);
    const { timeoutMs } = this.#options;
    const tooSlow = () =>
      void request.destroy(new DualscaleError('DS_UPSTREAM_TIMEOUT', `the upstream took more than ${timeoutMs} ms`));
    const timer = setTimeout(tooSlow, timeoutMs);
    request.on('timeout', tooSlow);
    request.on('response', (answer) => {
      clearTimeout(timer);
      this.#answer(answer, res);
    });
    request.on('error', (error) => {
      clearTimeout(timer);
      this.#fail(error, res);
    });
    res.once('close', () => {
      clearTimeout(timer);
      request.destroy();
    });
    request.end();
  }

  close(): void {
    this.#agent.destroy();
  }

  #ask(req: IncomingMessage, method: string, url: string): ClientRequest {
    const { upstream, timeoutMs, maxHeaderBytes } = this.#options;
    const client = { address: req.socket.remoteAddress ?? 'unknown', host: req.headers.host ?? '' };
    return (upstream.isHttps ? httpsRequest : httpRequest)({
      ...{ method, path: upstream.basePath + url, hostname: upstream.hostname, agent: this.#agent },
      ...(upstream.port ? { port: upstream.port } : {}),
      headers: requestHeaders(req.rawHeaders, upstream, client) as never,
      ...{ lookup: upstream.lookup, timeout: timeoutMs, maxHeaderSize: maxHeaderBytes, setHost: false },
    });
  }

  #answer(answer: IncomingMessage, res: ServerResponse): void {
    const { upstream } = this.#options;
    res.writeHead(answer.statusCode as number, responseHeaders(answer.rawHeaders, upstream) as never);
    pipeline(answer, res, (error) => {
      // The head is out: cutting the connection is the only way to say that the rest is missing.
      if (error && !res.writableEnded) res.destroy();
    });
  }

  #fail(error: unknown, res: ServerResponse): void {
    if (res.destroyed || res.writableEnded) return;
    const problem = toUpstreamError(error);
    this.#options.onFailure(problem);
    if (res.headersSent) res.destroy();
    else sendProblem(res, problem);
  }
}

export function createForwarder(options: ForwardOptions): Forwarder {
  return new UpstreamForwarder(options);
}
