/** The API as a Node handler `(req, res, next)`: what is below the mount path is answered, everything else passed on. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResolvedJobsOptions } from '../jobs-options.ts';
import { type Access, FAILURE_WINDOW_SECONDS } from './access.ts';
import { answerError, findRoute, type Route } from './router.ts';

export type JobsHandler = (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void) => void;

/** Express takes the mount path off `url` and keeps the whole in `originalUrl`. */
function wholeUrl(req: IncomingMessage): string {
  const { originalUrl } = req as { originalUrl?: unknown };
  return typeof originalUrl === 'string' ? originalUrl : (req.url ?? '/');
}

/** Lets pages of the allowed origins read the answers. Gives true when the request was only the question whether they may. */
function answerCors(req: IncomingMessage, res: ServerResponse, origins: readonly string[]): boolean {
  const { origin } = req.headers;
  res.setHeader('Vary', 'Origin');
  if (origin === undefined || !origins.includes(origin)) return false;
  res.setHeader('Access-Control-Allow-Origin', origin);
  res.setHeader('Access-Control-Expose-Headers', 'Location, Retry-After');
  if (req.method !== 'OPTIONS') return false;
  res.writeHead(204, {
    'Access-Control-Allow-Methods': 'GET, POST, DELETE',
    'Access-Control-Allow-Headers': 'Authorization, Content-Type, Idempotency-Key',
    'Access-Control-Max-Age': '600',
  });
  res.end();
  return true;
}

/** The handler of `routes`, whose paths are relative to `options.mountPath`. */
export function createApiHandler(options: ResolvedJobsOptions, access: Access, routes: readonly Route[]): JobsHandler {
  const { mountPath, logger, origins } = options;

  const answer = async (req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> => {
    if (answerCors(req, res, origins)) return;
    const path = url.pathname.slice(mountPath.length) || '/';
    const isPublic = routes.some((route) => route.isPublic && route.path === path);
    // Before the route is looked for: who may not ask does not learn what there is.
    if (!isPublic) access.check(req);
    const { route, params } = findRoute(routes, req.method === 'HEAD' ? 'GET' : (req.method ?? 'GET'), path);
    await route.handle({ req, res, params, query: url.searchParams });
  };

  const onError = (error: unknown) => logger.error('a request to the job API failed', error);
  return (req, res, next) => {
    const text = wholeUrl(req);
    const path = text.split('?')[0] as string;
    if (path !== mountPath && !path.startsWith(`${mountPath}/`)) {
      if (next) next();
      else res.writeHead(404).end();
      return;
    }
    Promise.resolve()
      .then(() => answer(req, res, new URL(text, 'http://localhost')))
      .catch((error: unknown) => {
        answerError(res, error, onError, FAILURE_WINDOW_SECONDS);
        // What is left of a body that nobody reads would stand before the next request.
        if (!req.complete) req.resume();
      });
  };
}
