/** `dualscale serve` and `npm start`. */
import type { EngineName, Provider, TfjsBackend } from '../engine/engine.ts';
import { startServer } from '../serve/server.ts';
import { closeOnSignal } from './close-on-signal.ts';
import { consoleLogger } from './logger.ts';
import { type ModelFlags, modelsRoot } from './open-models.ts';

export interface ServeFlags extends ModelFlags {
  readonly images?: string;
  readonly port: number;
  readonly host: string;
  readonly engine: EngineName;
  readonly provider: 'auto' | Provider | TfjsBackend;
  readonly workers?: number;
}

/** Resolves when the server listens; a first SIGINT or SIGTERM closes it in peace, a second one at once. */
export async function runServe(flags: ServeFlags): Promise<void> {
  const { images, port, host, engine, provider, workers } = flags;
  const server = await startServer({
    ...(images === undefined ? {} : { imagesDir: images }),
    ...{ port, host, logger: consoleLogger },
    dualscale: { modelsDir: modelsRoot(flags), engine, provider, ...(workers === undefined ? {} : { workers }) },
  });
  console.log(`dualscale is at ${server.url}`);
  closeOnSignal(server);
}
