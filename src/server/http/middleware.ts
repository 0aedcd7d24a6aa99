/** The Node middleware `(req, res, next)`: enlarges the picture with which the host answers `?upscale=N`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DualscaleError } from '../../core/errors.ts';
import { nodeHeaders } from './header-store.ts';
import { startNodeExchange } from './node/node-exchange.ts';
import type { PictureCore, RequestFacts } from './picture-core.ts';
import { hideHeaders, rewriteUrl } from './request/host-request.ts';
import { describeProblem } from './respond.ts';

export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

/** Sends a problem where nothing has been sent yet. */
export function sendProblem(res: ServerResponse, problem: DualscaleError): void {
  const body = describeProblem(nodeHeaders(res), problem);
  res.writeHead(problem.status).end(body);
}

function factsOf(req: IncomingMessage): RequestFacts {
  const { url = '/', method = 'GET', headers } = req;
  // Express and Connect cut the mount point off `url`.
  const { originalUrl = url } = req as { originalUrl?: string };
  const hostName = headers.host ?? (headers[':authority'] as string | undefined) ?? '';
  return { method, url, clientUrl: originalUrl, hostName, ifNoneMatch: headers['if-none-match'] };
}

/** Mount it before the image host. Requests without the parameter, and other methods than GET and HEAD, pass at the cost of one string search. */
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
      startNodeExchange(res, begun.exchange, core.parts.onFailure);
    }
    next();
  };
}
