import { describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/core/engine/engine.ts';
import { openLatencyMeter } from '../../../src/core/measure/latency.ts';
import { createNetwork } from '../../../src/core/network/create-network.ts';
import { countParameters } from '../../../src/core/network/network.ts';
import type { EdgeSpec } from '../../../src/core/network/spec.ts';
import { createRandom } from '../../../src/core/random.ts';

const SPEC: EdgeSpec = { family: 'edge', scale: 2, featureCount: 16, innerWidths: [16, 16, 16, 16] };
const SLIM: EdgeSpec[] = [
  { ...SPEC, innerWidths: [8, 8, 8, 8] },
  { ...SPEC, innerWidths: [16, 0, 0, 16] },
];
const exactRatios = SLIM.map((slim) => countParameters(createNetwork(slim)) / countParameters(createNetwork(SPEC)));

/** A machine with its own clocks: a network takes a millisecond for each hundred parameters, and what `disturb` adds. */
function createMachine(disturb: () => number) {
  let [wall, processor] = [0, 0];
  const held = { now: 0, most: 0, runs: 0 };
  const engine: Engine = {
    name: 'onnx',
    provider: 'cpu',
    async compile({ constants = {} }) {
      held.now += 1;
      held.most = Math.max(held.most, held.now);
      const size = Object.values(constants).reduce((sum, { data }) => sum + data.length, 0);
      return {
        async run() {
          held.runs += 1;
          wall += size / 100 + disturb();
          processor += size / 100;
          return {};
        },
        async release() {
          held.now -= 1;
        },
      };
    },
  };
  return { engine, held, now: () => wall, processorTime: () => processor };
}

describe('openLatencyMeter', () => {
  test('sees through disturbances of a third of the runs', async () => {
    const random = createRandom(3);
    const { engine, now } = createMachine(() => (random() < 1 / 3 ? 200 * random() : 0));
    const meter = await openLatencyMeter({ spec: SPEC, engine, width: 16, height: 16, now });
    const { ratios } = await meter.compare(SLIM);
    for (const [i, ratio] of ratios.entries()) expect(ratio / exactRatios[i]).toBeCloseTo(1, 2);
    await meter.close();
  });

  test('by processor time is exact on a machine that is never quiet', async () => {
    const random = createRandom(4);
    const { engine, now, processorTime } = createMachine(() => 100 * random());
    const meter = await openLatencyMeter({ spec: SPEC, engine, width: 16, height: 16, now, processorTime });
    const { ratios, fullMs } = await meter.compare(SLIM);
    for (const [i, ratio] of ratios.entries()) expect(ratio).toBeCloseTo(exactRatios[i], 9);
    expect(fullMs).toBeCloseTo(countParameters(createNetwork(SPEC)) / 100, 9);
    await meter.close();
  });

  test('counts the percentile asked for', async () => {
    const random = createRandom(5);
    const { engine, now } = createMachine(() => 10 * random());
    const fullMs = async (percentile: number) => {
      const meter = await openLatencyMeter({ spec: SPEC, engine, width: 16, height: 16, now, percentile });
      return (await meter.compare(SLIM)).fullMs;
    };
    expect(await fullMs(95)).toBeGreaterThan((await fullMs(50)) + 2);
  });

  test('holds few networks at once when they are large, and none after all', async () => {
    const { engine, held, now } = createMachine(() => 0);
    const meter = await openLatencyMeter({ spec: SPEC, engine, width: 2000, height: 1500, now });
    expect((await meter.compare([...SLIM, ...SLIM])).ratios).toHaveLength(4);
    expect(held.most).toBe(2);
    await meter.close();
    expect(held.now).toBe(0);
  });

  test('ends after three rounds when there is no more time', async () => {
    const { engine, held, now } = createMachine(() => 0);
    const meter = await openLatencyMeter({ spec: SPEC, engine, width: 16, height: 16, now, maxMs: 1 });
    held.runs = 0;
    await meter.compare(SLIM.slice(0, 1));
    // Two to warm up, then three rounds of two visits of two runs.
    expect(held.runs).toBe(2 + 3 * 2 * 2);
    await meter.close();
  });
});
