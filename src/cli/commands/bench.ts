/** `dualscale bench`: what one picture takes on this machine. */
import { availableParallelism } from 'node:os';
import { describeMachine } from '../../core/describe-machine.ts';
import { chooseRuntime } from '../../core/engine/choose-runtime.ts';
import type { Engine, EngineName, Provider, Runtime, TfjsBackend } from '../../core/engine/engine.ts';
import { createOnnxEngine } from '../../core/engine/onnx/onnx-engine.ts';
import { openTimedNetwork } from '../../core/engine/served/timed-network.ts';
import { createTfjsEngine } from '../../core/engine/tfjs/tfjs-engine.ts';
import { badOption } from '../../core/errors.ts';
import { timeInTurns } from '../../core/measure/latency.ts';
import { median } from '../../core/measure/percentile.ts';
import { loadModel, modelDirectory, type StoredModel } from '../../core/models/load.ts';
import type { LatencyEntry } from '../../core/models/manifest.ts';
import { updateMeasurements } from '../../core/models/publish.ts';
import { createNetwork } from '../../core/network/create-network.ts';
import { quietLogger } from '../logger.ts';
import { type ModelFlags, modelsRoot, openManifests, openModel } from '../open-models.ts';
import type { PixelSize } from '../option-values.ts';
import { formatTable } from '../table.ts';

export interface BenchFlags extends ModelFlags {
  readonly model?: string;
  readonly size: PixelSize;
  readonly threads: number;
  readonly runs: number;
  readonly engine: EngineName;
  readonly provider: 'auto' | Provider | TfjsBackend;
  readonly record?: boolean;
  readonly json?: boolean;
}

const WARM_UP_RUNS = 3;

function openEngine(runtime: Runtime, threads: number): Engine | Promise<Engine> {
  if (runtime.engine === 'onnx') return createOnnxEngine({ threads, provider: runtime.provider });
  return createTfjsEngine({ backend: runtime.provider });
}

/** Milliseconds of the network alone as a server's workers run it, without decoding, writing its pixels, and encoding. */
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

async function benchModel(stored: StoredModel, flags: BenchFlags, runtime: Runtime): Promise<LatencyEntry> {
  const { size, threads, runs } = flags;
  const { engine, provider } = runtime;
  const { width: inputWidth, height: inputHeight } = size;
  const medianMs = Number((await measure(stored, flags, runtime)).toFixed(3));
  // TensorFlow takes as many as there are, whatever is asked for.
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

/** One entry per device, engine, provider, threads and size: the last. */
async function record({ manifest }: StoredModel, entry: LatencyEntry, flags: BenchFlags): Promise<void> {
  const key = ({ device, engine, provider, threads, inputWidth, inputHeight }: LatencyEntry) =>
    [device, engine, provider, threads, inputWidth, inputHeight].join('|');
  const others = manifest.latency.filter((other) => key(other) !== key(entry));
  await updateMeasurements(modelDirectory(modelsRoot(flags), manifest.id), { latency: [...others, entry] });
}

async function openAll(flags: BenchFlags): Promise<StoredModel[]> {
  if (flags.model !== undefined) return [await openModel(flags.model, undefined, flags)];
  const manifests = await openManifests(flags);
  return Promise.all(manifests.map(({ id }) => loadModel(modelDirectory(modelsRoot(flags), id))));
}

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
  if (flags.json) {
    console.log(JSON.stringify(results, null, 2));
    return;
  }
  const right = (title: string) => ({ title, align: 'right' as const });
  const rows = results.map((entry) => {
    const size = `${entry.inputWidth}x${entry.inputHeight}`;
    return [entry.model, entry.engine, entry.provider, String(entry.threads), size, entry.medianMs.toFixed(2)];
  });
  console.log(describeMachine());
  const names = ['model', 'engine', 'provider'].map((title) => ({ title }));
  console.log(formatTable([...names, right('threads'), right('size'), right('median ms')], rows));
}
