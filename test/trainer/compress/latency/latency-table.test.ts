import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createOnnxEngine } from '../../../../src/core/engine/onnx/onnx-engine.ts';
import { type LatencyMeter, openLatencyMeter } from '../../../../src/core/measure/latency.ts';
import { createNetwork } from '../../../../src/core/network/create-network.ts';
import { countMacs } from '../../../../src/core/network/network.ts';
import { prunableWidths, withWidths } from '../../../../src/core/network/prunable.ts';
import type { EdgeSpec, NetworkSpec } from '../../../../src/core/network/spec.ts';
import { costOf } from '../../../../src/trainer/compress/budget.ts';
import {
  cachedLatencyTable,
  dropDominated,
  type LatencyTable,
  latencyCosts,
  measureLatencyTable,
} from '../../../../src/trainer/compress/latency/latency-table.ts';
import { listCandidates, sharedCandidates } from '../../../../src/trainer/compress/search/candidates.ts';

const EDGE: EdgeSpec = { family: 'edge', scale: 2, featureCount: 16, innerWidths: [16, 8, 16] };
const DRN: NetworkSpec = { family: 'drn', scale: 2, featureCount: 8, blockCount: 2 };

/** A meter whose time is the number of multiply-accumulates: a sum over the widths. */
function countingMeter(full: NetworkSpec, seen: NetworkSpec[] = []): LatencyMeter {
  const ms = (spec: NetworkSpec) => countMacs(createNetwork(spec), 10, 10) / 1e6;
  return {
    compare: async (specs) => {
      seen.push(...specs);
      return { ratios: specs.map((spec) => ms(spec) / ms(full)), fullMs: ms(full) };
    },
    close: async () => {},
  };
}

describe('measureLatencyTable', () => {
  test.each([EDGE, DRN])('of $family gives the time of any choice of widths', async (spec) => {
    const candidates = prunableWidths(spec).map((width) => sharedCandidates(width, 4));
    const meter = countingMeter(spec);
    const table = await measureLatencyTable(spec, candidates, meter);
    const costs = latencyCosts(table);
    for (const shift of [0, 1, 2]) {
      const choice = candidates.map(({ length }, at) => (at + shift) % length);
      const widths = choice.map((i, at) => candidates[at][i]);
      const { ratios, fullMs } = await meter.compare([withWidths(spec, widths)]);
      expect(costOf(costs, choice)).toBeCloseTo(ratios[0] * fullMs, 6);
    }
  });

  test('runs one network per kind of width and candidate', async () => {
    const seen: NetworkSpec[] = [];
    await measureLatencyTable(EDGE, listCandidates(EDGE, 8), countingMeter(EDGE, seen));
    expect(seen.map((spec) => (spec as EdgeSpec).innerWidths)).toEqual([
      [0, 8, 0],
      [8, 8, 8],
      [16, 0, 16],
    ]);
  });

  test('measures real networks, which take longer the wider they are', async () => {
    const spec: EdgeSpec = { family: 'edge', scale: 2, featureCount: 48, innerWidths: [64, 64, 64, 64] };
    const engine = createOnnxEngine();
    const now = () => performance.now();
    const meter = await openLatencyMeter({ spec, engine, width: 96, height: 64, rounds: 5, now });
    const quarters = spec.innerWidths.map(() => [0, 16, 64]);
    const table = await measureLatencyTable(spec, quarters, meter);
    await meter.close();
    const [none, quarter, all] = table.widths[0].ms;
    expect(none).toBe(0);
    expect(quarter).toBeGreaterThan(0);
    expect(all).toBeGreaterThan(quarter);
    expect(table.fixedMs).toBeGreaterThan(0);
    expect(table.fixedMs + 4 * all).toBeCloseTo(table.fullMs, 6);
  });

  test('ends with the reason of the signal', async () => {
    const meter = await openLatencyMeter({
      spec: EDGE,
      engine: createOnnxEngine(),
      width: 8,
      height: 8,
      now: () => performance.now(),
    });
    await expect(meter.compare([EDGE], AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
    await meter.close();
  });
});

test('dropDominated leaves out widths that are no faster than wider ones', () => {
  const table: LatencyTable = {
    fullMs: 296,
    fixedMs: 41,
    widths: [{ name: 'body.0', candidates: [0, 8, 16, 20, 24, 32], ms: [0, 10, 15, 24.8, 29, 25.5] }],
  };
  expect(dropDominated(table).widths).toEqual([{ name: 'body.0', candidates: [0, 8, 16, 32], ms: [0, 10, 15, 25.5] }]);
});

describe('cachedLatencyTable', () => {
  const table: LatencyTable = { fullMs: 3, fixedMs: 1, widths: [{ name: 'body.0', candidates: [0, 8], ms: [0, 2] }] };
  const conditions = {
    machine: 'here',
    engine: 'onnx',
    provider: 'cpu',
    threads: 1,
    width: 320,
    height: 180,
    percentile: 50,
    spec: EDGE,
    candidates: [[0, 8]],
    graph: 'served' as const,
  };
  const open = async () => join(await mkdtemp(join(tmpdir(), 'latency-')), 'cache', 'tables.json');

  test('measures once for the same conditions and again for others', async () => {
    const path = await open();
    let measured = 0;
    const measure = async () => {
      measured += 1;
      return table;
    };
    const get = (changes = {}) => cachedLatencyTable(path, { ...conditions, ...changes }, measure, () => 1000);
    expect(await get()).toEqual(table);
    expect(await get()).toEqual(table);
    expect(measured).toBe(1);
    await get({ threads: 2 });
    await get({ spec: { ...EDGE, innerWidths: [16, 16, 16] } });
    expect(measured).toBe(3);
    await get({ notBefore: 1001 });
    expect(measured).toBe(4);
    expect(await get()).toEqual(table);
    expect(JSON.parse(await readFile(path, 'utf8'))).toHaveLength(3);
  });

  test('measures anew when the file is broken', async () => {
    const path = await open();
    await cachedLatencyTable(
      path,
      conditions,
      async () => table,
      () => 1,
    );
    await writeFile(path, '[{"key": 1}, nul');
    const other = { ...table, fullMs: 4 };
    expect(
      await cachedLatencyTable(
        path,
        conditions,
        async () => other,
        () => 2,
      ),
    ).toEqual(other);
  });
});
