/** `dualscale proxy`. */
import type { DegradationMode } from '../../core/upscale/degradation-hint.ts';
import type { OnError, OnLimit } from '../../server/service/picture.ts';
import { modelsRoot } from '../open-models.ts';
import type { EngineFlags } from '../options.ts';
import { startProxyServer } from '../serve/proxy-server.ts';
import { closeOnSignal, consoleLogger } from '../terminal.ts';

interface ProxyFlags extends EngineFlags {
  readonly upstream: string;
  readonly allowPrivate?: boolean;
  readonly timeout: number;
  readonly port: number;
  readonly metricsPort?: number;
  readonly host: string;
  readonly onLimit: OnLimit;
  readonly onError: OnError;
  readonly degradation?: DegradationMode;
  /** Milliseconds. */
  readonly latencyObjective?: number;
}

/** From the environment alone: every user of the machine can read the arguments of a process. */
function signingKeys(): string[] | undefined {
  const keys = (process.env['DUALSCALE_SIGNING_KEYS'] ?? '').split(',').filter(Boolean);
  return keys.length > 0 ? keys : undefined;
}

/** Resolves when the server listens. */
export async function runProxy(flags: ProxyFlags): Promise<void> {
  const keys = signingKeys();
  const server = await startProxyServer({
    upstream: flags.upstream,
    timeoutMs: flags.timeout,
    port: flags.port,
    host: flags.host,
    logger: consoleLogger,
    allowPrivate: flags.allowPrivate,
    metricsPort: flags.metricsPort,
    dualscale: {
      modelsDir: modelsRoot(flags),
      engine: flags.engine,
      provider: flags.provider,
      onLimit: flags.onLimit,
      onError: flags.onError,
      workers: flags.workers,
      degradation: flags.degradation,
      latencyObjectiveMs: flags.latencyObjective,
      signing: keys && { keys },
    },
  });
  console.log(`dualscale is at ${server.url}, in front of ${flags.upstream}`);
  if (server.metricsUrl) console.log(`metrics are at ${server.metricsUrl}`);
  closeOnSignal(server);
}
