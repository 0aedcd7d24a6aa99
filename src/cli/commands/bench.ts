/** `dualscale bench`: the latency of models on this machine. */
import { availableParallelism } from 'node:os';
import { describeMachine } from '../../core/describe-machine.ts';
import { chooseRuntime } from '../../core/engine/choose-runtime.ts';
import type { Engine } from '../../core/engine/engine.ts';
import { createOnnxEngine } from '../../core/engine/onnx/onnx-engine.ts';
import type { Runtime } from '../../core/engine/runtime.ts';
import { openTimedNetwork } from '../../core/engine/served/timed-network.ts';
import { createTfjsEngine } from '../../core/engine/tfjs/tfjs-engine.ts';
import { badOption } from '../../core/errors.ts';
import { timeInTurns } from '../../core/measure/latency.ts';
import { median } from '../../core/measure/percentile.ts';
import { loadModel, modelDirectory, type StoredModel } from '../../core/models/load.ts';
import type { LatencyEntry } from '../../core/models/manifest.ts';
import { updateMeasurements } from '../../core/models/publish.ts';
import { createNetwork } from '../../core/network/create-network.ts';
import { modelsRoot, openManifests, openModel } from '../open-models.ts';
import type { EngineFlags, PixelSize } from '../options.ts';
import { printJson, printTable, quietLogger } from '../terminal.ts';

interface BenchFlags extends EngineFlags {
  readonly model?: string;
  readonly size: PixelSize;
  readonly threads: number;
  readonly runs: number;
  readonly record?: boolean;
  readonly json?: boolean;
}

const WARM_UP_RUNS = 3;

export async function runBench(flags: BenchFlags): Promise<void> {
  const { engine, provider, threads } = flags;
  if (engine === 'tfjs' && threads !== 1) throw badOption('--threads', '1 with --engine tfjs', threads);
  const { runtime } = await chooseRuntime({ engine, provider, logger: quietLogger });
  const results: (LatencyEntry & { readonly model: string })[] = [];
  for (const stored of await openAll(flags)) {
    const entry = await benchModel(stored, flags, runtime);
    if (flags.record) await record(stored, entry, flags);
    results.push({ model: stored.manifest.id, ...entry });
  }
  if (flags.json) return printJson(results);
  console.log(describeMachine());
  const rows = results.map((entry) => {
    const size = `${entry.inputWidth}x${entry.inputHeight}`;
    return [entry.model, entry.engine, entry.provider, entry.threads, size, entry.medianMs.toFixed(2)];
  });
  printTable(['model', 'engine', 'provider', 'threads', 'size', 'median ms'], rows);
}

async function openAll(flags: BenchFlags): Promise<StoredModel[]> {
  if (flags.model !== undefined) return [await openModel(flags.model, undefined, flags)];
  const manifests = await openManifests(flags);
  return Promise.all(manifests.map(({ id }) => loadModel(modelDirectory(modelsRoot(flags), id))));
}

async function benchModel(stored: StoredModel, flags: BenchFlags, runtime: Runtime): Promise<LatencyEntry> {
  const { size, threads, runs } = flags;
  const { engine, provider } = runtime;
  const { width: inputWidth, height: inputHeight } = size;
  const medianMs = Number((await measure(stored, flags, runtime)).toFixed(3));
  // TensorFlow always uses all cores.
  const threadsUsed = provider === 'tensorflow' ? availableParallelism() : threads;
  const where = `${engine === 'onnx' ? '' : `--engine ${engine} `}--provider ${provider}`;
  const shape = `--size ${inputWidth}x${inputHeight} --threads ${threads} --runs ${runs} ${where}`;
  return {
    device: describeMachine(),
    engine,
    provider,
    threads: threadsUsed,
    inputWidth,
    inputHeight,
    medianMs,
    runs,
    date: new Date().toISOString().slice(0, 10),
    command: `dualscale bench --model ${stored.manifest.id} ${shape}`,
  };
}

/** Milliseconds of the network alone, in the graph that a server's workers run. */
async function measure(
  { manifest, parameters }: StoredModel,
  { size, threads, runs }: BenchFlags,
  runtime: Runtime,
): Promise<number> {
  const engine = await openEngine(runtime, threads);
  const network = await openTimedNetwork(engine, createNetwork(manifest.spec), parameters, size);
  const [times] = await timeInTurns([network], { warmUpRuns: WARM_UP_RUNS, rounds: runs });
  await network.release();
  return median(times.flat());
}

function openEngine(runtime: Runtime, threads: number): Engine | Promise<Engine> {
  if (runtime.engine === 'onnx') return createOnnxEngine({ threads, provider: runtime.provider });
  return createTfjsEngine({ backend: runtime.provider });
}

/** Keeps the last entry per device, engine, provider, threads and size. */
async function record({ manifest }: StoredModel, entry: LatencyEntry, flags: BenchFlags): Promise<void> {
  const key = ({ device, engine, provider, threads, inputWidth, inputHeight }: LatencyEntry) =>
    [device, engine, provider, threads, inputWidth, inputHeight].join('|');
  const others = manifest.latency.filter((other) => key(other) !== key(entry));
  await updateMeasurements(modelDirectory(modelsRoot(flags), manifest.id), { latency: [...others, entry] });
}
