/** Measures, in a process of its own, what writing and encoding a picture of 6000x4000 RGBA in strips takes. */
import { readFileSync } from 'node:fs';
import { createPictureWriter } from '../../../src/core/codec/picture-writer.ts';

const memory = (name: string) =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;

const shape = { width: 6000, height: 4000, channels: 4, depth: 8 } as const;
const rows = Uint8Array.from({ length: 6000 * 4 * 100 }, (_, i) => (i >> 6) % 256);

async function write(height: number): Promise<void> {
  const writer = createPictureWriter({ ...shape, height }, { format: 'png' });
  for (let row = 0; row < height; row += 100) await writer.write(rows);
  await writer.finish();
}

await write(200);
const before = memory('VmRSS');
await write(shape.height);
process.send?.({ grewBy: memory('VmHWM') - before, resultBytes: 6000 * 4000 * 4 });
process.disconnect();
