/** The server process of the service benchmarks: `node:http`, pictures in memory, the plugin before them, and a watch on itself. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import sharp from 'sharp';
import type { DualscaleOptions } from '../src/server/options.ts';
import { createDualscale } from '../src/server/plugin.ts';
import { caseConfig } from './fork-case.ts';

export interface ServiceConfig {
  readonly options: DualscaleOptions;
  readonly photo: string;
  /** Pictures are asked for as `/<index>`. */
  readonly sizes: readonly { readonly width: number; readonly height: number }[];
  /** Every answer gets bytes of its own, with the same pixels, so that no cache and no single flight helps. */
  readonly isUnique: boolean;
}

export interface ServiceReport {
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly rssBytes: number;
  /** Of all threads. */
  readonly cpuMs: number;
}

export type ServiceCommand = 'watch' | 'report' | 'stop';

const { options, photo, sizes, isUnique } = caseConfig<ServiceConfig>();
const jpegs = await Promise.all(
  sizes.map(({ width, height }) =>
    sharp(photo).resize(width, height, { fit: 'cover' }).jpeg({ quality: 85 }).toBuffer(),
  ),
);

/** A JPEG comment with a number, behind the first marker. */
function withComment(jpeg: Buffer, number: number): Buffer {
  const comment = Buffer.from([0xff, 0xfe, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
  comment.writeDoubleBE(number, 4);
  return Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]);
}

let served = 0;
function serveJpeg(req: IncomingMessage, res: ServerResponse): void {
  const index = Number(req.url?.slice(1)) || 0;
  const jpeg = jpegs[index % jpegs.length] as Buffer;
  served += 1;
  const body = isUnique ? withComment(jpeg, served) : jpeg;
  const etag = isUnique ? `"${served}"` : `"${index}"`;
  res.writeHead(200, { 'Content-Type': 'image/jpeg', 'Content-Length': body.length, ETag: etag }).end(body);
}

const dualscale = await createDualscale({ provider: 'cpu', ...options });
await dualscale.warmUp();
const health = dualscale.health();
const upscale = dualscale.middleware();
const server = createServer((req, res) => health(req, res, () => upscale(req, res, () => serveJpeg(req, res))));
await once(server.listen(0, '127.0.0.1'), 'listening');
const delay = monitorEventLoopDelay({ resolution: 1 });
let cpuBefore = process.cpuUsage();

function reset(): void {
  delay.reset();
  cpuBefore = process.cpuUsage();
}

/** Its timer wakes this thread a thousand times a second: benchmarks of throughput do without, as the engine alone does. */
function watch(): void {
  delay.enable();
  reset();
}

function report(): ServiceReport {
  // The histogram counts nanoseconds.
  const loopP99Ms = delay.percentile(99) / 1e6;
  const loopMaxMs = delay.max / 1e6;
  const { user, system } = process.cpuUsage(cpuBefore);
  reset();
  return { loopP99Ms, loopMaxMs, rssBytes: process.memoryUsage.rss(), cpuMs: (user + system) / 1000 };
}

process.on('message', async (command: ServiceCommand) => {
  if (command === 'watch') watch();
  else if (command === 'report') process.send?.(report());
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
