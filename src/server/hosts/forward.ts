/** One request to the upstream and its answer back: a host like any other behind the middleware. */
import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { finished } from 'node:stream';
import { DualscaleError } from '../../core/errors.ts';
import { breakOff, sendProblem } from '../http/middleware.ts';
import { countVia, requestHeaders, responseHeaders } from './forwarded-headers.ts';
import type { Upstream } from './upstream.ts';

export interface ForwardOptions {
  readonly upstream: Upstream;
  /** Milliseconds until the upstream's head must be there, and between two parts of its body. */
  readonly timeoutMs: number;
  /** Bytes of the upstream's response head. */
  readonly maxHeaderBytes: number;
  /** Called with each failure of the upstream. Must not throw. */
  readonly onFailure: (error: unknown) => void;
}

export interface Forwarder {
  forward(req: IncomingMessage, res: ServerResponse): void;
  /** Closes idle connections to the upstream. */
  close(): void;
}

/** What a proxy in front of a picture server has to let through. */
const METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * `..` in any spelling would lead out of the base path (`..;` to some servers), a backslash is a
 * slash to some, an absolute form names another host.
 */
const UNSAFE_PATH = /^[^/]|[\\\s]|(?:^|\/|%2f)(?:\.|%2e){1,2}(?:\/|$|%2f|;)|%5c|^\/\//i;

/** Most proxies in a row: one in front of another's cache is reasonable. */
const MAX_PROXIES = 3;

function refusalOf(method: string, path: string, via: string | undefined): DualscaleError | undefined {
  if (countVia(via) >= MAX_PROXIES) return new DualscaleError('DS_UPSTREAM', 'the upstream leads back to this proxy');
  if (!METHODS.includes(method)) return new DualscaleError('DS_METHOD', `${method} is not passed on`);
  return UNSAFE_PATH.test(path) ? new DualscaleError('DS_BAD_REQUEST', `not a path to pass on: ${path}`) : undefined;
}

function toUpstreamError(error: unknown): DualscaleError {
  if (error instanceof DualscaleError) return error;
  return new DualscaleError('DS_UPSTREAM', `the upstream failed: ${String(error)}`, { cause: error });
}

interface Passing {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly method: string;
  readonly url: string;
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
    // An unexpected body would otherwise hold the connection.
    req.resume();
    const refusal = refusalOf(method, url.split('?', 1)[0], req.headers.via);
    if (refusal) {
      if (refusal.status === 405) res.setHeader('Allow', METHODS.join(', '));
      sendProblem(res, refusal);
      return;
    }
    this.#send({ req, res, method, url }, true);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(exchange: Passing, mayRepeat: boolean): void {
    const { res } = exchange;
    const request = this.#ask(exchange);
    const { timeoutMs } = this.#options;
    let reason: DualscaleError | undefined;
    let isAnswered = false;
    const tooSlow = () => {
      reason = new DualscaleError('DS_UPSTREAM_TIMEOUT', `the upstream took more than ${timeoutMs} ms`);
      request.destroy(reason);
    };
    const timer = setTimeout(tooSlow, timeoutMs);
    // While the client is the slower one the upstream waits for us, not we for it.
    request.on('timeout', () => res.writableNeedDrain || tooSlow());
    request.on('response', (answer) => {
      clearTimeout(timer);
      isAnswered = true;
      this.#answer(answer, res, () => reason);
    });
    const leave = () => {
      clearTimeout(timer);
      request.destroy();
    };
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      res.off('close', leave);
      // The upstream has closed an idle connection just as it was used again.
      const wasIdle = request.reusedSocket && error.code === 'ECONNRESET' && !isAnswered;
      if (mayRepeat && wasIdle) this.#send(exchange, false);
      else this.#fail(error, res);
    });
    res.once('close', leave);
    request.end();
  }

  #ask({ req, method, url }: Passing): ClientRequest {
    const { upstream, timeoutMs, maxHeaderBytes } = this.#options;
    const client = { address: req.socket.remoteAddress ?? 'unknown', host: req.headers.host ?? '' };
    return (upstream.isHttps ? httpsRequest : httpRequest)({
      method,
      path: upstream.basePath + url,
      hostname: upstream.hostname,
      agent: this.#agent,
      port: upstream.port || undefined,
      headers: requestHeaders(req.rawHeaders, upstream, client) as never,
      lookup: upstream.lookup,
      timeout: timeoutMs,
      maxHeaderSize: maxHeaderBytes,
      setHost: false,
    });
  }

  /** @param reason why the request was ended by us, once it was. */
  #answer(answer: IncomingMessage, res: ServerResponse, reason: () => DualscaleError | undefined): void {
    const { upstream } = this.#options;
    try {
      res.writeHead(answer.statusCode as number, responseHeaders(answer.rawHeaders, upstream) as never);
    } catch (error) {
      // An invalid status.
      answer.destroy();
      this.#fail(error, res);
      return;
    }
    // Not `pipeline`, which would destroy `res` before anybody can say why.
    answer.pipe(res);
    finished(answer, (error) => {
      if (error) this.#fail(reason() ?? error, res);
    });
  }

  #fail(error: unknown, res: ServerResponse): void {
    if (res.destroyed || res.writableEnded) return;
    const problem = toUpstreamError(error);
    if (res.headersSent && breakOff(res, problem)) return;
    this.#options.onFailure(problem);
    // The head is out: cutting the connection is the only way to say that the rest is missing.
    if (res.headersSent) res.destroy();
    else sendProblem(res, problem);
  }
}

export function createForwarder(options: ForwardOptions): Forwarder {
  return new UpstreamForwarder(options);
}
