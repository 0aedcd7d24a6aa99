/** Whatever a host's own functions throw or reject with: requests are answered, and the process lives. */
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createProxy, type ProxyOptions } from '../../src/server/hosts/proxy.ts';
import type { DualscaleLogger, DualscaleOptions } from '../../src/server/options.ts';
import { serve } from '../helpers/http-host.ts';
import { answer, image, usePlugin } from '../helpers/plugin-fixture.ts';

const plugin = usePlugin();
const strays: unknown[] = [];
const onStray = (error: unknown) => void strays.push(error);

beforeAll(() => {
  process.on('unhandledRejection', onStray);
  process.on('uncaughtException', onStray);
});

afterAll(() => {
  process.off('unhandledRejection', onStray);
  process.off('uncaughtException', onStray);
});

async function start(options: DualscaleOptions = {}, body = plugin.png) {
  const dualscale = await plugin.create(options);
  const url = await plugin.behind(image(body), dualscale);
  onTestFinished(async () => {
    await dualscale.close();
    expect(strays.splice(0)).toEqual([]);
  });
  const ask = async (query: string) => (await fetch(`${url}/a.png?${query}`)).status;
  return { dualscale, ask };
}

const HARMFUL: readonly (readonly [string, () => never | Promise<never>])[] = [
  [
    'throws',
    () => {
      throw new Error('of the host');
    },
  ],
  ['rejects', () => Promise.reject(new Error('of the host'))],
];

describe.each(HARMFUL)('a callback that %s', (_name, harm) => {
  const broken: DualscaleLogger = { info: harm, warn: harm, error: harm };

  test('as a listener of requests', async () => {
    const { dualscale, ask } = await start();
    const outcomes: string[] = [];
    dualscale.onRequest(harm);
    dualscale.onRequest(({ outcome }) => void outcomes.push(outcome));
    expect(await ask('upscale=4')).toBe(200);
    expect(await ask('upscale=5')).toBe(400);
    expect(outcomes).toEqual(['upscaled', 'rejected']);
  });

  test('as a listener of enlargements, which is told of a picture once', async () => {
    const errors: unknown[][] = [];
    const logger = { info() {}, warn() {}, error: (...args: unknown[]) => void errors.push(args) };
    const { dualscale, ask } = await start({ logger });
    let calls = 0;
    dualscale.onEnlargement(() => {
      calls += 1;
      return harm();
    });
    expect(await ask('upscale=4')).toBe(200);
    expect(calls).toBe(1);
    expect(errors).toEqual([
      ['a listener of enlargements failed', expect.objectContaining({ message: 'of the host' })],
    ]);
  });

  test('as the logger, also of a failure', async () => {
    // A damaged cache folder would warn, a crash of the network would be an error; both go through this logger.
    const { dualscale, ask } = await start({ logger: broken });
    dualscale.core.deps.onFailure(new Error('some failure'));
    expect(await ask('upscale=4')).toBe(200);
  });

  test('as the filter of fallback models', async () => {
    const { dualscale, ask } = await start({ latencyObjectiveMs: 1000 });
    dualscale.restrictFallbackModels(harm as () => never);
    expect(await ask('upscale=4')).toBe(200);
  });

  test('as the shared cache', async () => {
    const { ask } = await start({ cache: { memoryBytes: 0, shared: { get: harm, set: harm, delete: harm } } });
    expect([await ask('upscale=4'), await ask('upscale=4')]).toEqual([200, 200]);
  });
});

test("a metric of the host's with one of our names and other labels costs counts, not requests", async () => {
  const registry = new Registry();
  const { Counter } = await import('prom-client');
  new Counter({ name: 'dualscale_requests_total', help: 'taken', labelNames: ['other'], registers: [registry] });
  const { ask } = await start({ registry });
  expect([await ask('upscale=4'), await ask('upscale=5')]).toEqual([200, 400]);
});

test('an answer that cannot be sent cuts the connection', async () => {
  const { dualscale } = await start();
  const url = await plugin.behind((_req, res) => {
    answer(plugin.png, { 'Content-Type': 'image/png' })(_req, res);
    // Below every layer, as a broken middleware does.
    Object.defineProperty(res, 'setHeader', {
      value: () => {
        throw new Error('no more headers');
      },
    });
  }, dualscale);
  await expect(fetch(`${url}/a.png?upscale=4`)).rejects.toThrow();
});

test('a start that fails leaves nothing in the registry and no worker', async () => {
  const registry = new Registry();
  // The schema takes both; the parts that open after the models refuse them.
  await expect(plugin.create({ registry, provider: 'wasm' })).rejects.toMatchObject({ code: 'DS_BAD_OPTION' });
  const threads = { engine: 'tfjs', provider: 'cpu', threadsPerWorker: 2 } as const;
  await expect(plugin.create({ registry, ...threads })).rejects.toMatchObject({ code: 'DS_BAD_OPTION' });
  expect(await registry.getSingleMetricAsString('dualscale_model_info')).not.toContain('model=');
});

test.each([
  [
    'throws',
    () => {
      throw new Error('of the host');
    },
  ],
  ['rejects', () => Promise.reject(new Error('of the host'))],
  ['gives nothing', (_name: string, _options: unknown, callback: (...args: never[]) => void) => callback()],
  [
    'answers twice',
    (_name: string, _options: unknown, callback: (...args: unknown[]) => void) => {
      callback(new Error('first'));
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    },
  ],
])('a resolver that %s fails the request and not the process', async (_name, resolve) => {
  const { dualscale } = await start();
  const proxy = createProxy({
    dualscale,
    upstream: 'http://images.example',
    resolve: resolve as ProxyOptions['resolve'],
  });
  const server = await serve((req, res) => proxy.handler(req, res));
  expect((await fetch(`${server.url}/x`)).status).toBe(502);
  server.close();
  proxy.close();
});
