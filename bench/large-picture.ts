/**
 * How much memory one large picture takes: a server in a process of its own, warmed up by a small picture, enlarges one of 3000x2000.
 *
 *     npx tsx bench/large-picture.ts [--model edge-s-x4] [--format jpeg|png] [--width 3000] [--height 2000] [--alpha] [--depth 16]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { createDualscale } from '../src/server/plugin.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'edge-s-x4' },
    models: { type: 'string' },
    format: { type: 'string', default: 'jpeg' },
    width: { type: 'string', default: '3000' },
    height: { type: 'string', default: '2000' },
    alpha: { type: 'boolean', default: false },
    depth: { type: 'string', default: '8' },
  },
});

/** Smooth with detail, so that encoders have something to do. */
async function makePicture(width: number, height: number): Promise<Buffer> {
  const channels = values.alpha ? 4 : 3;
  const is16 = values.depth === '16';
  const full = is16 ? 65535 : 255;
  const length = width * height * channels;
  const data = is16 ? new Uint16Array(length) : new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    const [pixel, channel] = [Math.floor(at / channels), at % channels];
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const level = 0.5 + 0.3 * Math.sin(x / 90) * Math.cos(y / 70) + 0.12 * Math.sin((x * y) / 5000) + 0.02 * channel;
    const isVisible = Math.hypot(x - width / 2, y - height / 2) < height / 2;
    data[at] = channel === 3 ? (isVisible ? full : 0) : full * (level + 0.03 * Math.random());
  }
  const image = sharp(data, { raw: { width, height, channels } });
  if (values.format === 'jpeg') return image.jpeg({ quality: 92 }).toBuffer();
  return image
    .toColourspace(is16 ? 'rgb16' : 'srgb')
    .png({ compressionLevel: 3 })
    .toBuffer();
}

/** Megabytes: now, and the most there ever was. */
function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { now: read('VmRSS'), peak: read('VmHWM') };
}

async function serve(): Promise<void> {
  const dualscale = await createDualscale({
    modelsDir: values.models || undefined,
    models: { 4: values.model },
    limits: { maxInputBytes: 2 ** 28 },
    provider: 'cpu',
    deadlineMs: 600_000,
    queueCost: 1e9,
    cache: { memoryBytes: 0 },
  });
  process.on('message', async (bytes) => {
    const start = performance.now();
    const { data, timings, consistencyError } = await dualscale.upscale(Buffer.from(bytes as string, 'base64'), {
      scale: 4,
    });
    process.send?.({ bytes: data.length, ms: performance.now() - start, timings, consistencyError });
  });
  const server = createServer().listen(0, () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

const answer = (child: ChildProcess) => new Promise<unknown>((resolve) => child.once('message', resolve));

async function measure(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, SERVE: '1' },
  });
  try {
    await answer(child);
    const pid = child.pid as number;
    const send = async (picture: Buffer) => {
      const answered = answer(child);
      child.send(picture.toString('base64'));
      return answered;
    };
    await send(await makePicture(512, 512));
    const before = memoryOf(pid);
    const picture = await makePicture(Number(values.width), Number(values.height));
    const result = await send(picture);
    const after = memoryOf(pid);
    console.log({
      picture: `${values.width}x${values.height} ${values.format}`,
      bytesIn: picture.length,
      ...(result as object),
    });
    console.log(
      `RSS before ${before.now.toFixed(0)} MB, peak ${after.peak.toFixed(0)} MB: ${(after.peak - before.now).toFixed(0)} MB more`,
    );
  } finally {
    child.kill();
  }
}

if (process.env['SERVE']) await serve();
else await measure();
