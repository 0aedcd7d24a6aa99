import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { expect, test, vi } from 'vitest';
import { createPhotoHost } from '../../../src/cli/serve/photo-host.ts';
import { plainGet, serve } from '../../helpers/http-host.ts';

const PHOTOS = fileURLToPath(new URL('../../../examples/photos', import.meta.url));

test('IPX is used where it is installed', async () => {
  const reasons: string[] = [];
  expect((await createPhotoHost(PHOTOS, (reason) => reasons.push(reason))).name).toBe('ipx');
  expect(reasons).toEqual([]);
});

test('without IPX the files are served as they are, and the reason is told', async () => {
  vi.doMock('ipx', () => {
    throw new Error('not installed');
  });
  const reasons: string[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'dualscale-photos-'));
  await cp(PHOTOS, folder, { recursive: true });
  await mkdir(join(folder, 'sub'));
  for (const copy of ['sub/coffee.png', '.hidden.png']) await cp(join(PHOTOS, 'coffee.png'), join(folder, copy));
  const host = await createPhotoHost(folder, (reason) => reasons.push(reason));
  vi.doUnmock('ipx');
  expect([host.name, reasons.length]).toEqual(['express.static', 1]);
  const server = await serve(express().use('/photos', host.handler));
  const { status, headers } = await plainGet(`${server.url}/photos/coffee.png`);
  expect([status, headers['content-type']]).toEqual([200, 'image/png']);
  // What else lies in the folder, or below it, is nobody's business.
  for (const other of ['ATTRIBUTION.md', 'sub/coffee.png', '.hidden.png', 'sub%2fcoffee.png']) {
    expect((await plainGet(`${server.url}/photos/${other}`)).status).toBe(404);
  }
  server.close();
  await rm(folder, { recursive: true });
});
