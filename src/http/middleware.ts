/** The Node middleware `(req, res, next)`: enlarges the picture with which the host answers `?upscale=N`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { prepareHostRequest } from './host-request.ts';
import { parseScale, upscaleValues } from './parse-request.ts';
import { startExchange } from './picture-exchange.ts';
import type { OnError, OnLimit, PictureUpscaler, RequestMeter } from './picture-upscaler.ts';
import { describeProblem, toProblem } from './respond.ts';

export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

export interface MiddlewareOptions {
  readonly pictures: PictureUpscaler;
  readonly meter: RequestMeter;
  /** Bytes of one encoded picture of the host that are kept in memory; more is a 413. */
  readonly maxInputBytes: number;
  /** See `DualscaleOptions`. @default 'reject' */
  readonly onLimit?: OnLimit;
  /** See `DualscaleOptions`. @default 'fail' */
  readonly onError?: OnError;
  /** Milliseconds from a request to its answer; `enlarge` keeps them by itself, waiting for a host does not. @default 30000 */
  readonly deadlineMs?: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Told the full text of each 5xx; the client gets the public one. */
  readonly onFailure: (error: unknown) => void;
}

function refuse(res: ServerResponse, error: unknown): void {
  const problem = toProblem(error);
  const body = describeProblem(res, problem);
  res.writeHead(problem.status).end(body);
}

/** Mount it before the image host. Requests without the parameter, and other methods than GET and HEAD, pass at the cost of one string search. */
export function createMiddleware(options: MiddlewareOptions): Middleware {
  return (req, res, next) => {
    const values = upscaleValues(req.url ?? '');
    if (values === undefined || (req.method !== 'GET' && req.method !== 'HEAD')) {
      next();
      return;
    }
    try {
      const scale = parseScale(values, options.pictures.scales);
      const { ifNoneMatch } = prepareHostRequest(req);
      startExchange(res, { scale, ifNoneMatch, isHead: req.method === 'HEAD' }, options);
    } catch (error) {
      options.meter.request('rejected');
      refuse(res, error);
      return;
    }
    next();
  };
}
