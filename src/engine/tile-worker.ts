/** What runs in a worker thread of the `onnx` engine: one task at a time. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Provider } from './engine.ts';
import { createTileRunner } from './run-tile.ts';
import type { TileNetwork } from './tile-networks.ts';
import type { TileTask } from './tile-task.ts';

function createSession(shared: SharedArrayBuffer, provider: Provider, threads: number): Promise<InferenceSession> {
  // The native side takes no shared memory.
  const onnx = new Uint8Array(shared.byteLength);
  onnx.set(new Uint8Array(shared));
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
  const primal = await createSession(model.onnx, runtime.provider, threads);
  const { dualOnnx } = model;
  const dual = dualOnnx ? await createSession(dualOnnx, runtime.provider, threads) : undefined;
  return {
    async run(values, { width, height, isChecked }, use) {
      const image = new Tensor('float32', values, [1, height, width, 3]);
      const { enlarged } = await primal.run({ image }, ['enlarged']);
      if (!enlarged) throw new Error('the graph has no output `enlarged`');
      let reduced: Tensor | undefined;
      try {
        if (isChecked && dual) reduced = (await dual.run({ enlarged }, ['reduced']))['reduced'] as Tensor;
        use(enlarged.data as Float32Array, enlarged.dims, reduced?.data as Float32Array | undefined);
      } finally {
        // Freed now: garbage collection does not see native memory and would let it pile up.
        enlarged.dispose();
        reduced?.dispose();
      }
    },
    async release() {
      await primal.release();
      await dual?.release();
    },
  };
}

export const runTile = createTileRunner(createNetwork);
