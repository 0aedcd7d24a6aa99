/** What runs in a worker thread of the `onnx` engine: one task at a time. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Provider } from './engine.ts';
import { createTileRunner } from './run-tile.ts';
import type { TileNetwork } from './tile-networks.ts';
import type { SharedOnnxModel, TileTask } from './tile-task.ts';

function createSession(model: SharedOnnxModel, provider: Provider, threads: number): Promise<InferenceSession> {
  // The native side takes no shared memory.
  const onnx = new Uint8Array(model.onnx.byteLength);
  onnx.set(new Uint8Array(model.onnx));
  return InferenceSession.create(onnx, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // A pattern is kept for each input size ever seen, and a server sees many.
    enableMemPattern: false,
    // A thread that spins while it waits takes a core from other workers; no difference in time was measured at two threads.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: 3,
  });
}

async function createNetwork({ model, runtime, threads }: TileTask): Promise<TileNetwork> {
  if (model.engine !== 'onnx' || runtime.engine !== 'onnx') throw new Error('a task of another engine');
  const session = await createSession(model, runtime.provider, threads);
  return {
    async run(values, { width, height }, use) {
      const image = new Tensor('float32', values, [1, height, width, 3]);
      const { enlarged } = await session.run({ image }, ['enlarged']);
      if (!enlarged) throw new Error('the graph has no output `enlarged`');
      try {
        use(enlarged.data as Float32Array, enlarged.dims);
      } finally {
        // Freed now: garbage collection does not see native memory and would let it pile up.
        enlarged.dispose();
      }
    },
    release: () => session.release(),
  };
}

export const runTile = createTileRunner(createNetwork);
