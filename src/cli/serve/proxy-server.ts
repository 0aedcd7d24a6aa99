/** The server of `dualscale proxy`: the proxy and health routes on one port, metrics on another. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { badOption } from '../../core/errors.ts';
import { createHealth } from '../../server/health.ts';
import { createProxy, type PictureProxy, type ProxyOptions } from '../../server/hosts/proxy.ts';
import type { DualscaleLogger, DualscaleOptions } from '../../server/options.ts';
import { createDualscale, type Dualscale } from '../../server/plugin.ts';
import { drain, listen } from './listen.ts';

export interface ProxyServerOptions extends Omit<ProxyOptions, 'dualscale'> {
  /** 0 to 65535; 0 takes any free one. @default 8080 */
  readonly port?: number;
  /** Port of `/metrics`, separate so that clients cannot reach it; 0 takes a free one. @default none */
  readonly metricsPort?: number;
  /** Address to listen on. @default '127.0.0.1', which only this machine reaches */
  readonly host?: string;
  readonly dualscale?: DualscaleOptions;
  readonly logger: DualscaleLogger;
}

export interface RunningProxy {
  /** e.g. `http://127.0.0.1:8080/`. */
  readonly url: string;
  /** The address of `/metrics`, where `metricsPort` was given. */
  readonly metricsUrl: string | undefined;
  readonly dualscale: Dualscale;
  /** Takes no new connections, lets open requests end for up to 10 seconds, stops the workers. */
  close(): Promise<void>;
}

/** A URL with a signature takes a few hundred bytes. */
const MAX_HEADER_BYTES = 16_384;
/** Time limit for a request, which has no body. */
const REQUEST_MS = 10_000;

function checkPort(name: string, port: number): void {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw badOption(name, 'an integer from 0 to 65535', port);
}

function metricsListener({ registry }: Dualscale, logger: DualscaleLogger): RequestListener {
  return (req, res) => {
    if (req.url !== '/metrics' || req.method !== 'GET') {
      res.writeHead(404).end('Not found\n');
      return;
    }
    registry.metrics().then(
      (text) => res.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
      (error: unknown) => {
        logger.error('the metrics could not be read', error);
        res.writeHead(500).end();
      },
    );
  };
}

function createFront(proxy: PictureProxy, isReady: () => boolean): Server {
  const health = createHealth(isReady);
  const limits = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS };
  // Health is answered before anything that may wait or fail. It hides these paths of the upstream.
  return createServer(limits, (req, res) => health(req, res, () => proxy.handler(req, res)));
}

/** Resolves when the server answers. Throws DS_BAD_OPTION, what `createDualscale` throws, and Node's error when a port is taken. */
export async function startProxyServer(options: ProxyServerOptions): Promise<RunningProxy> {
  const { port = 8080, metricsPort, host = '127.0.0.1', dualscale: plugin, logger, ...proxyOptions } = options;
  checkPort('port', port);
  if (metricsPort !== undefined) checkPort('metricsPort', metricsPort);
  const dualscale = await createDualscale({ logger, ...plugin });
  const servers: Server[] = [];
  try {
    const proxy = createProxy({ ...proxyOptions, dualscale });
    await dualscale.warmUp();
    let isReady = true;
    const front = createFront(proxy, () => isReady);
    servers.push(front);
    const url = await listen(front, port, host);
    const metrics = metricsPort === undefined ? undefined : createServer(metricsListener(dualscale, logger));
    if (metrics) servers.push(metrics);
    const metricsUrl = metrics && `${await listen(metrics, metricsPort as number, host)}metrics`;
    return {
      url,
      metricsUrl,
      dualscale,
      async close() {
        isReady = false;
        await Promise.all(servers.map(drain));
        proxy.close();
        await dualscale.close();
      },
    };
  } catch (error) {
    for (const server of servers) server.close();
    await dualscale.close();
    throw error;
  }
}
