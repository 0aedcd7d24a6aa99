/** The only file besides the tile worker and the provider probe that touches ONNX Runtime. */
import { createRequire } from 'node:module';
import type * as OnnxRuntime from 'onnxruntime-node';
import type { Dtype, TensorData } from '../../graph/program.ts';
import type { Executable, Tensors } from '../engine.ts';
import type { Provider } from '../runtime.ts';

// The package is CommonJS; require keeps its load lazy and out of processes that never infer.
const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof OnnxRuntime;

/** What the tile workers' sessions have beside a provider and threads. */
export const SERVING = {
  // A pattern is kept for each input size ever seen, and a server sees many.
  enableMemPattern: false,
  // A thread that spins while it waits takes a core from other workers; no difference in time was
  // measured at two threads.
  extra: { session: { intra_op: { allow_spinning: '0' } } },
} as const;

export interface SessionOptions {
  /** @default 'cpu' */
  readonly provider?: Provider;
  /** Intra-op threads, at least 1. @default 1 */
  readonly threads?: number;
  /** File to write ONNX Runtime's profile to (without extension). */
  readonly profile?: string;
  /**
   * Outputs that stay in the memory of the device; `webgpu` only. They come back as tensors without
   * readable data.
   */
  readonly deviceOutputs?: readonly string[];
  /** As the tile workers set theirs (`SERVING`). @default false */
  readonly isServing?: boolean;
}

/** ONNX Runtime keeps booleans in bytes; TF.js does too. */
export function toOrt({ dtype, shape, data }: TensorData): OnnxRuntime.Tensor {
  return new ort.Tensor(dtype as 'float32', data as Float32Array, shape);
}

export function fromOrt({ type, dims, data }: OnnxRuntime.Tensor): TensorData {
  return { dtype: type as Dtype, shape: dims, data: data as Float32Array };
}

/** Creates a session from the bytes of an ONNX file. */
export async function createSession(
  onnx: Uint8Array,
  options: SessionOptions = {},
): Promise<OnnxRuntime.InferenceSession> {
  const { provider = 'cpu', threads = 1, profile, deviceOutputs = [], isServing = false } = options;
  const locations = Object.fromEntries(deviceOutputs.map((name) => [name, 'gpu-buffer' as const]));
  return ort.InferenceSession.create(onnx, {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...(isServing ? SERVING : {}),
    ...(profile ? { enableProfiling: true, profileFilePrefix: profile } : {}),
    ...(deviceOutputs.length > 0 ? { preferredOutputLocation: locations } : {}),
  });
}

export function sessionExecutable(session: OnnxRuntime.InferenceSession): Executable {
  return {
    async run(inputs: Tensors): Promise<Tensors> {
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toOrt(tensor)]));
      const results = await session.run(feeds);
      return Object.fromEntries(
        Object.entries(results).map(([name, value]) => [name, fromOrt(value as OnnxRuntime.Tensor)]),
      );
    },
    release: () => session.release(),
  };
}
