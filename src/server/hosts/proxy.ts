/**
 * `dualscale/proxy`: a reverse proxy in front of any HTTP image server (imgproxy, thumbor, nginx
 * ...).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { badOption } from '../../core/errors.ts';
import { createMiddleware } from '../http/middleware.ts';
import type { PictureCore } from '../http/picture-core.ts';
import { createForwarder } from './forward.ts';
import { readUpstream, type UpstreamOptions } from './upstream.ts';

export type { Resolve, UpstreamOptions } from './upstream.ts';

export interface ProxyOptions extends UpstreamOptions {
  readonly dualscale: { readonly core: PictureCore };
  /**
   * Milliseconds for the upstream's head, and between two parts of its body, 100 to 600000.
   * @default 15000
   */
  readonly timeoutMs?: number;
  /** Bytes of the upstream's response head, 1024 to 1048576. @default 16384 */
  readonly maxHeaderBytes?: number;
}

export interface PictureProxy {
  /** For `http.createServer`, or any place that takes `(req, res)`. */
  handler(req: IncomingMessage, res: ServerResponse): void;
  /** Closes idle connections to the upstream. */
  close(): void;
}

function checkInteger(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw badOption(name, `an integer from ${least} to ${most}`, value);
  }
  return value;
}

/**
 * Passes GET, HEAD and OPTIONS on to one upstream and enlarges the pictures with which it answers
 * `?upscale=N`. No URL of a client decides where a request goes; redirects are passed on, never
 * followed. Throws DS_BAD_OPTION.
 *
 * @example createServer(createProxy({ dualscale, upstream: 'http://127.0.0.1:8081' }).handler)
 */
export function createProxy({
  dualscale,
  timeoutMs = 15_000,
  maxHeaderBytes = 16_384,
  ...options
}: ProxyOptions): PictureProxy {
  const { core } = dualscale;
  const forwarder = createForwarder({
    upstream: readUpstream(options),
    timeoutMs: checkInteger('timeoutMs', timeoutMs, 100, 600_000),
    maxHeaderBytes: checkInteger('maxHeaderBytes', maxHeaderBytes, 1024, 2 ** 20),
    onFailure: core.deps.onFailure,
  });
  const middleware = createMiddleware(core);
  return {
    handler: (req, res) => middleware(req, res, () => forwarder.forward(req, res)),
    close: () => forwarder.close(),
  };
}
