/**
 * In a process of its own: how long a model takes, and the uncompressed one in turns with it.
 * `latency-case.ts <folder of the model> <folder of the uncompressed one> <width> <height> <threads>`; a line of JSON.
 */

import { createOnnxEngine } from '../../src/core/engine/onnx/onnx-engine.ts';
import { openLatencyMeter, processorTime } from '../../src/core/measure/latency.ts';
import { readManifest } from '../../src/core/models/load.ts';

export interface Latencies {
  readonly ms: number;
  readonly baseMs: number;
  /** The same by the clock on the wall, with what else the machine did. */
  readonly wallMs: number;
  readonly wallBaseMs: number;
}

const [model, base, ...numbers] = process.argv.slice(2) as [string, string, ...string[]];
const [width, height, threads] = numbers.map(Number);
const [{ spec }, { spec: full }] = [await readManifest(model), await readManifest(base)];

async function measure(isExact: boolean): Promise<{ readonly ms: number; readonly baseMs: number }> {
  const engine = createOnnxEngine({ threads });
  const exact = isExact ? { processorTime } : {};
  const meter = await openLatencyMeter({ spec: full, engine, width, height, now: () => performance.now(), ...exact });
  const { ratios, fullMs } = await meter.compare([spec]);
  await meter.close();
  return { ms: ratios[0] * fullMs, baseMs: fullMs };
}

const wall = await measure(false);
const exact = threads === 1 ? await measure(true) : wall;
const latencies: Latencies = { ...exact, wallMs: wall.ms, wallBaseMs: wall.baseMs };
process.stdout.write(`${JSON.stringify(latencies)}\n`);
