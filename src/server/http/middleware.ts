/**
 * The Node middleware `(req, res, next)`: enlarges the picture with which the host answers
 * `?upscale=N`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DualscaleError } from '../../core/errors.ts';
import { guard } from '../../core/guarded.ts';
import type { Exchange } from './exchange.ts';
import { type HostListener, InterceptedResponse, type Verdict } from './intercept-response.ts';
import { hideHeaders, rewriteUrl } from './parameters.ts';
import type { PictureCore, RequestFacts } from './picture-core.ts';
import { type Answer, describeProblem, type HeaderStore, type HeadVerdict } from './respond.ts';

export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Mount it before the image host. Requests without the parameter, and other methods than GET and
 * HEAD, pass at the cost of one string search.
 */
export function createMiddleware(core: PictureCore): Middleware {
  return (req, res, next) => {
    const begun = core.begin(factsOf(req));
    if (begun?.kind === 'refused') {
      sendProblem(res, begun.problem);
      return;
    }
    if (begun) rewriteUrl(req, begun.url);
    if (begun?.kind === 'exchange') {
      hideHeaders(req);
      connectExchange(res, begun.exchange, core.deps.onFailure);
    }
    next();
  };
}

function factsOf(req: IncomingMessage): RequestFacts {
  const { url = '/', method = 'GET', headers } = req;
  // Express and Connect cut the mount point off `url`.
  const { originalUrl = url } = req as { originalUrl?: string };
  const hostName = headers.host ?? (headers[':authority'] as string | undefined) ?? '';
  return { method, url, clientUrl: originalUrl, hostName, ifNoneMatch: headers['if-none-match'] };
}

function headersOf(res: ServerResponse): HeaderStore {
  return {
    get(name) {
      const value = res.getHeader(name);
      return Array.isArray(value) ? value.join(', ') : value === undefined ? undefined : String(value);
    },
    set: (name, value) => void res.setHeader(name, value),
    append: (name, value) => void res.appendHeader(name, value),
    delete: (name) => res.removeHeader(name),
  };
}

/** Sends a problem where nothing has been sent yet. */
export function sendProblem(res: ServerResponse, problem: DualscaleError): void {
  const body = describeProblem(headersOf(res), problem);
  res.writeHead(problem.status).end(body);
}

/** Ends a request whose host's answer breaks off; absent where that answer is sent unchanged. */
const enders = new WeakMap<ServerResponse, (error: unknown) => void>();

/**
 * For a host that knows why its answer on `res` breaks off after its head: the client gets `error`
 * as a problem. False where the host's own answer is being sent: only cutting the connection shows
 * that the rest is missing.
 */
export function breakOff(res: ServerResponse, error: unknown): boolean {
  const end = enders.get(res);
  end?.(error);
  return end !== undefined;
}

/**
 * Takes over `res` until the answer is out; the host may be called when this returns.
 *
 * @param onFailure called with what keeps an answer from being sent. Must not throw.
 */
function connectExchange(res: ServerResponse, exchange: Exchange, onFailure: (error: unknown) => void): void {
  /**
   * Something else has sent a head, or a header cannot be sent: all that is left is to cut the
   * connection.
   */
  const cut = (error: unknown): void => {
    onFailure(error);
    exchange.leave();
    res.destroy();
  };
  const send = (answer: Answer | undefined): void => {
    if (answer) intercepted.answer(answer.status, answer.body);
  };
  const follow = (decide: () => HeadVerdict): Verdict => {
    try {
      const verdict = decide();
      if (verdict === 'pass') enders.delete(res);
      if (verdict === 'pass' || verdict === 'collect') return verdict;
      if (verdict !== 'gone') send(verdict);
    } catch (error) {
      cut(error);
    }
    return 'discard';
  };
  const listener: HostListener = {
    onHead: () => follow(() => exchange.head(res.statusCode, headersOf(res))),
    onBody: (body) => void exchange.body(body).then(send).catch(cut),
    onOverflow: () => (follow(() => exchange.overflow()) === 'pass' ? 'pass' : 'discard'),
  };
  const intercepted = new InterceptedResponse(res, listener, exchange.maxBytes);
  const sendInstead = guard((answer: () => Answer | undefined) => send(answer()), cut);
  enders.set(res, (error) => sendInstead(() => exchange.fail(error, headersOf(res))));
  const timer = setTimeout(() => sendInstead(() => exchange.expire(headersOf(res))), exchange.deadlineMs);
  res.once('close', () => {
    clearTimeout(timer);
    exchange.leave();
    intercepted.discard();
  });
}
