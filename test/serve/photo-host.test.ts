import { fileURLToPath } from 'node:url';
import express from 'express';
import { expect, test, vi } from 'vitest';
import { createPhotoHost } from '../../src/serve/photo-host.ts';
import { plainGet, serve } from '../helpers/http-host.ts';

const PHOTOS = fileURLToPath(new URL('../../examples/photos', import.meta.url));

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
  const host = await createPhotoHost(PHOTOS, (reason) => reasons.push(reason));
  vi.doUnmock('ipx');
  expect([host.name, reasons.length]).toEqual(['express.static', 1]);
  const server = await serve(express().use('/photos', host.handler));
  const { status, headers } = await plainGet(`${server.url}/photos/coffee.png`);
  server.close();
  expect([status, headers['content-type']]).toEqual([200, 'image/png']);
});
