/** `dualscale proxy`. */
import type { EngineName, Provider, TfjsBackend } from '../../core/engine/engine.ts';
import type { DegradationMode } from '../../core/upscale/degradation-hint.ts';
import type { OnError, OnLimit } from '../../server/service/picture.ts';
import { closeOnSignal } from '../close-on-signal.ts';
import { consoleLogger } from '../logger.ts';
import { type ModelFlags, modelsRoot } from '../open-models.ts';
import { startProxyServer } from '../serve/proxy-server.ts';

export interface ProxyFlags extends ModelFlags {
  readonly upstream: string;
  readonly allowPrivate?: boolean;
  readonly timeout: number;
  readonly port: number;
  readonly metricsPort?: number;
  readonly host: string;
  readonly onLimit: OnLimit;
  readonly onError: OnError;
  readonly engine: EngineName;
  readonly provider: 'auto' | Provider | TfjsBackend;
  readonly workers?: number;
  readonly degradation?: DegradationMode;
  /** Milliseconds. */
  readonly latencyObjective?: number;
}

/** Keys come from the environment alone: every user of the machine sees the arguments of a process. */
function signingKeys(): string[] | undefined {
  const keys = (process.env['DUALSCALE_SIGNING_KEYS'] ?? '').split(',').filter(Boolean);
  return keys.length > 0 ? keys : undefined;
}

/** Resolves when the server listens; a first SIGINT or SIGTERM closes it in peace, a second one at once. */
export async function runProxy(flags: ProxyFlags): Promise<void> {
  const { upstream, allowPrivate, timeout, port, metricsPort, host, onLimit, onError } = flags;
  const { engine, provider, workers, degradation, latencyObjective } = flags;
  const keys = signingKeys();
  const server = await startProxyServer({
    upstream,
    timeoutMs: timeout,
    port,
    host,
    logger: consoleLogger,
    allowPrivate,
    metricsPort,
    dualscale: {
      modelsDir: modelsRoot(flags),
      engine,
      provider,
      onLimit,
      onError,
      workers,
      degradation,
      latencyObjectiveMs: latencyObjective,
      signing: keys ? { keys } : undefined,
    },
  });
  console.log(`dualscale is at ${server.url}, in front of ${upstream}`);
  if (server.metricsUrl) console.log(`metrics are at ${server.metricsUrl}`);
  closeOnSignal(server);
}
