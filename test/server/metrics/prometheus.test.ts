import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Counter, Histogram } from 'prom-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { METRICS } from '../../../src/server/metrics/definitions.ts';
import type { Dualscale } from '../../../src/server/plugin.ts';
import { encoder, serveBehind } from '../../helpers/http-host.ts';
import { image, usePlugin } from '../../helpers/plugin-fixture.ts';
import { publishRandomModel } from '../../helpers/random-model.ts';

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const pathOf = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const text = readFileSync(pathOf('grafana/dashboard.json'), 'utf8');
const dashboard: { readonly panels: readonly Panel[] } = JSON.parse(text);
const alerts = readFileSync(pathOf('grafana/alerts.yml'), 'utf8');
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, expr] as const),
);

const has = (program: string) => spawnSync(program, ['--version']).status === 0;

test('dashboard and alerts ask for metrics that exist, and the dashboard shows most of them', () => {
  const names = new Set(Object.keys(METRICS));
  const asked = new Set([...`${text}${alerts}`.matchAll(/dualscale_[a-z_]+/g)].map(([name]) => name));
  for (const name of asked) expect(names, name).toContain(name.replace(/_(?:bucket|sum|count)$/, ''));
  const shown = (name: string) => text.includes(name);
  // Jobs have a page of their own.
  const missing = [...names].filter((name) => !(shown(name) || /_(?:jobs?|rollbacks)_|_jobs$/.test(name)));
  expect(missing).toEqual([]);
});

test('every panel has its place and its own number', () => {
  const ids = (dashboard.panels as unknown as { id: number }[]).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(queries.length).toBeGreaterThan(25);
});

describe.skipIf(!has('promtool'))('promtool (skipped where it is not installed: Debian package prometheus)', () => {
  test.each([
    ['check', 'rules', pathOf('grafana/alerts.yml')],
    ['test', 'rules', fileURLToPath(new URL('./alerts.test.yml', import.meta.url))],
  ])('%s %s', (...args) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
    expect(status, stdout + stderr).toBe(0);
  });
});

describe.skipIf(!has('prometheus'))('Prometheus (skipped where it is not installed)', () => {
  const plugin = usePlugin({ limits: { maxInputPixels: 10_000 } });

  test('every query of the dashboard has data while the server has traffic, every alert rule is evaluated', async () => {
    // Two models of a scale and an objective: then there is a choice to be counted.
    await publishRandomModel(plugin.modelsDir, 'wide-x2', 2, 7, 8);
    const dualscale = await plugin.create({ latencyObjectiveMs: 1000, models: { 2: 'wide-x2' } });
    onTestFinished(() => dualscale.close());
    const server = await serveWithMetrics(dualscale);
    const prometheus = await startPrometheus(new URL(server).host);
    let isDone = false;
    const traffic = makeTraffic(dualscale, server, () => isDone);
    try {
      const empty = await waitForData(prometheus);
      expect(empty).toEqual([]);
      const { data } = await get(`${prometheus}/api/v1/rules`);
      const rules = data.groups.flatMap((group: { rules: { name: string; health: string }[] }) => group.rules);
      expect(rules).toHaveLength([...alerts.matchAll(/- alert:/g)].length);
      for (const { name, health } of rules) expect([name, health]).toEqual([name, 'ok']);
    } finally {
      isDone = true;
      await traffic;
    }
  });

  // biome-ignore lint/suspicious/noExplicitAny: another program's JSON, which the test looks into at once.
  const get = async (url: string): Promise<any> => (await fetch(url)).json();

  async function waitForData(prometheus: string): Promise<readonly string[]> {
    let empty: string[] = ['nothing was asked'];
    for (let attempt = 0; attempt < 60 && empty.length > 0; attempt++) {
      await sleep(500);
      empty = [];
      for (const [title, expr] of queries) {
        const query = expr.replaceAll('$__rate_interval', '10s').replaceAll('$job', '.*');
        const { status, data, error } = await get(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
        if (status !== 'success') throw new Error(`${title}: ${error}`);
        const values = data.result.map(({ value }: { value: [number, string] }) => Number(value[1]));
        if (!values.some(Number.isFinite)) empty.push(`${title}: ${expr}`);
      }
    }
    return empty;
  }

  async function serveWithMetrics(dualscale: Dualscale): Promise<string> {
    const svg = image(Buffer.from('<svg/>'), 'image/svg+xml');
    const pictures = await Promise.all([20, 21, 22].map((side) => encoder(side, side).png().toBuffer()));
    const damaged = image((pictures[0] as Buffer).subarray(0, 60));
    let asked = 0;
    const server = await serveBehind(dualscale.middleware(), (req, res) => {
      const path = req.url ?? '';
      if (path.startsWith('/metrics')) {
        void dualscale.registry
          .metrics()
          .then((body) => res.setHeader('Content-Type', dualscale.registry.contentType).end(body));
      } else if (path.startsWith('/svg')) svg(req, res);
      else if (path.startsWith('/damaged')) damaged(req, res);
      else if (path.startsWith('/new')) {
        asked += 1;
        void encoder(5 + (asked % 80), 9 + Math.floor(asked / 80))
          .png()
          .toBuffer()
          .then((body) => image(body)(req, res));
      } else image(pictures[1] as Buffer)(req, res);
    });
    onTestFinished(() => server.close());
    return server.url;
  }

  async function makeTraffic(dualscale: Dualscale, server: string, isDone: () => boolean): Promise<void> {
    const paths = ['/svg', '/damaged', '/new', '/new', '/same', '/same'];
    const consistency = dualscale.registry.getSingleMetric('dualscale_consistency_error_levels') as Histogram;
    const tried = dualscale.registry.getSingleMetric('dualscale_enlargements_total') as Counter;
    while (!isDone()) {
      const answers = paths.map((path) => fetch(`${server}${path}?upscale=2`).then((answer) => answer.arrayBuffer()));
      await Promise.all(answers);
      // Networks without a dual network are never checked: what a checked one reports is reported here.
      consistency.observe({ model: 'nearest-x2', scale: '2' }, 0.8);
      tried.inc({ model: 'nearest-x2', scale: '2', result: 'fallback' });
      await sleep(50);
    }
  }

  async function startPrometheus(target: string): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'dualscale-prometheus-'));
    const configuration = {
      global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '1s' },
      rule_files: [pathOf('grafana/alerts.yml')],
      scrape_configs: [{ job_name: 'images', static_configs: [{ targets: [target] }] }],
    };
    // JSON is YAML.
    await writeFile(join(directory, 'prometheus.yml'), JSON.stringify(configuration));
    const address = `127.0.0.1:${await freePort()}`;
    const args = [`--config.file=${directory}/prometheus.yml`, `--storage.tsdb.path=${directory}/data`];
    const child = spawn('prometheus', [...args, `--web.listen-address=${address}`], { stdio: 'ignore' });
    onTestFinished(() => stop(child, directory));
    for (let attempt = 0; attempt < 120; attempt++) {
      const isReady = await fetch(`http://${address}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isReady) return `http://${address}`;
      await sleep(250);
    }
    throw new Error('prometheus did not start');
  }

  async function stop(child: ChildProcess, directory: string): Promise<void> {
    if (child.exitCode === null) {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
    await rm(directory, { recursive: true, force: true });
  }

  async function freePort(): Promise<number> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    return port;
  }
});
