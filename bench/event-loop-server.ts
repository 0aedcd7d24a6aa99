/** The server process of `event-loop.ts`: Express with the plugin in front of static files, and a watch on its own event loop. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import express from 'express';
import { createDualscale } from '../src/server/plugin.ts';
import { caseConfig } from './fork-case.ts';

export interface ServerConfig {
  readonly modelsDir: string;
  readonly modelId: string;
  readonly imagesDir: string;
}

export interface DelayReport {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export type ServerCommand = 'watch' | 'report' | 'stop';

const { modelsDir, modelId, imagesDir } = caseConfig<ServerConfig>();
// Without a cache every answer is work: one picture asked for again and again would come from memory.
const cache = { memoryBytes: 0 };
const dualscale = await createDualscale({ modelsDir, models: { 4: modelId }, provider: 'cpu', logger: console, cache });
const app = express();
app.use(dualscale.middleware());
app.use(express.static(imagesDir));
const server = createServer(app);
await once(server.listen(0, '127.0.0.1'), 'listening');
const delay = monitorEventLoopDelay({ resolution: 1 });

function report(): DelayReport {
  delay.disable();
  // The histogram counts nanoseconds.
  return { p50Ms: delay.percentile(50) / 1e6, p99Ms: delay.percentile(99) / 1e6, maxMs: delay.max / 1e6 };
}

process.on('message', async (command: ServerCommand) => {
  if (command === 'watch') {
    delay.reset();
    delay.enable();
  } else if (command === 'report') process.send?.(report());
  else {
    server.close();
    server.closeAllConnections();
    await dualscale.close();
    process.disconnect();
  }
});
// A benchmark that was killed leaves no server behind.
process.on('disconnect', () => process.exit());
process.send?.((server.address() as AddressInfo).port);
