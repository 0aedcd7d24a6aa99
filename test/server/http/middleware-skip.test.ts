import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encoder } from '../../helpers/http-host.ts';
import { image, usePlugin } from '../../helpers/plugin-fixture.ts';

const plugin = usePlugin();

describe('pictures that are left as they are say why', () => {
  const frame = () => encoder(8, 8).png().toBuffer();

  async function animatedWebp() {
    const frames = await Promise.all([frame(), frame().then((still) => sharp(still).negate().png().toBuffer())]);
    return sharp(frames, { join: { animated: true } })
      .webp()
      .toBuffer();
  }

  test.each([
    ['svg', 'image/svg+xml', async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['format', 'image/gif', () => encoder(8, 8).gif().toBuffer()],
    ['format', 'image/tiff', () => encoder(8, 8).tiff().toBuffer()],
    ['format', 'image/png', () => encoder(8, 8).gif().toBuffer()],
    ['animated', 'image/webp', animatedWebp],
    ['empty', 'image/png', async () => Buffer.alloc(0)],
  ] as const)('%s (%s)', async (reason, type, make) => {
    const body = await make();
    const url = await plugin.behind(image(body, type, { ETag: '"h"' }));
    const response = await fetch(`${url}/a?upscale=4`);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-dualscale')).toBe(`skipped; reason=${reason}`);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('etag')).toBe('"h"');
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
  });

  test('encoded', async () => {
    const url = await plugin.behind(image(gzipSync(plugin.png), 'image/png', { 'Content-Encoding': 'gzip' }));
    const response = await fetch(`${url}/a?upscale=4`);
    expect(response.headers.get('x-dualscale')).toBe('skipped; reason=encoded');
    expect(Buffer.from(await response.arrayBuffer()).equals(plugin.png)).toBe(true);
  });
});
