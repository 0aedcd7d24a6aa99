import { expect, test } from 'vitest';
import { type JobsOptions, resolveJobsOptions } from '../../src/jobs/jobs-options.ts';

const RIGHT = { dualscale: {} as never, dir: 'jobs', modelsDir: 'models' } satisfies JobsOptions;

test('options that are right are taken, with defaults for the others', () => {
  const options = resolveJobsOptions({
    ...RIGHT,
    origins: ['https://admin.example', 'http://localhost:3000'],
    samplesDir: 'samples',
    provider: 'webgpu',
    rollback: { watchSeconds: 0, minRequests: 1, maxErrorRate: 1, maxLatencyRatio: 1.01 },
    traffic: { maxPictures: 1, maxBytes: 1, retentionDays: Number.POSITIVE_INFINITY, allow: [/a/], deny: [] },
    pauseAboveLoad: 0.5,
  });
  expect(options).toMatchObject({ concurrency: 1, provider: 'webgpu', rollback: { minRequests: 1 } });
  expect(resolveJobsOptions(RIGHT)).toMatchObject({ provider: 'cpu', origins: [], rollback: {} });
});

test.each([
  ['rollback.maxErrorRate', { rollback: { maxErrorRate: 5 } }, '5'],
  ['rollback.watchSeconds', { rollback: { watchSeconds: -1 } }, '-1'],
  ['rollback.watchSeconds', { rollback: { watchSeconds: Number.NaN } }, 'NaN'],
  ['rollback.minRequest', { rollback: { minRequest: 3 } }, 'minRequests'],
  ['rollback.minRequests', { rollback: { minRequests: 1.5 } }, '1.5'],
  ['rollback.maxLatencyRatio', { rollback: { maxLatencyRatio: 'fast' } }, 'fast'],
  ['rollback', { rollback: 600 }, '600'],
  ['rollback', { rollback: null }, 'null'],
  ['provider', { provider: 'cudaa' }, 'cudaa'],
  ['samplesDir', { samplesDir: 7 }, '7'],
  ['origins', { origins: 'https://admin.example' }, 'https://admin.example'],
  ['origins[1]', { origins: ['https://a.example', 'https://b.example/'] }, 'https://b.example/'],
  ['origins[0]', { origins: ['*'] }, '*'],
  ['traffic.maxPicture', { traffic: { maxPicture: 3 } }, 'maxPictures'],
  ['traffic.maxPictures', { traffic: { maxPictures: 0 } }, '0'],
  ['traffic.maxBytes', { traffic: { maxBytes: '1' } }, '1'],
  ['traffic.retentionDays', { traffic: { retentionDays: '30' } }, '30'],
  ['traffic.allow', { traffic: { allow: /shop/ } }, '/shop/'],
  ['traffic.deny[0]', { traffic: { deny: ['shop'] } }, 'shop'],
  ['traffic', { traffic: true }, 'true'],
  ['pauseAboveLoad', { pauseAboveLoad: '1' }, '1'],
  ['concurrency', { concurrency: 17 }, '17'],
  ['host', { host: 7 }, '7'],
  ['mountPath', { mountPath: ['/a'] }, '/a'],
  ['dataRoots', { dataRoots: '/srv' }, '/srv'],
  ['dataRoots.photos', { dataRoots: { photos: 'relative' } }, 'relative'],
  ['logger', { logger: () => {} }, '=>'],
  ['colour', { colour: 1 }, 'unknown'],
])('`%s` is refused in %j', (name, more, got) => {
  const error = (() => {
    try {
      resolveJobsOptions({ ...RIGHT, ...(more as object) });
      return undefined;
    } catch (thrown) {
      return thrown as Error;
    }
  })();
  expect(error).toMatchObject({ code: 'DS_BAD_OPTION' });
  expect(error?.message).toContain(`expected \`${name}\` to be `);
  if (got !== '=>') expect(error?.message).toContain(got);
});
