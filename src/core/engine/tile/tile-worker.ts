/** What runs in a worker thread of the `onnx` engine: one task at a time. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { SUBPIXEL_BYTES, SUBPIXELS } from '../../graph/subpixel-outputs.ts';
import { chooseGraph } from '../onnx/nchwc-block.ts';
import { SERVING } from '../onnx/onnx-session.ts';
import type { Provider } from '../runtime.ts';
import { rowsOf } from './check-window.ts';
import { type EnlargedTile, tileOfPixels, tileOfSubpixels } from './enlarged-tile.ts';
import { createTileRunner, stepBehindTheServer } from './run-tile.ts';
import type { TileNetwork } from './tile-networks.ts';
import type { SharedOnnxModel, TileTask } from './tile-task.ts';

function createSession(shared: SharedArrayBuffer, provider: Provider, threads: number): Promise<InferenceSession> {
  // The native side takes no shared memory.
  const onnx = new Uint8Array(shared.byteLength);
  onnx.set(new Uint8Array(shared));
  return InferenceSession.create(onnx, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    ...SERVING,
  });
}

const vectorTensor = (vector: Float32Array) => new Tensor('float32', vector, [1, 1, 1, vector.length]);

function tileOf(made: InferenceSession.OnnxValueMapType): EnlargedTile {
  const { enlarged, [SUBPIXELS]: subpixels, [SUBPIXEL_BYTES]: bytes } = made;
  if (subpixels && bytes)
    return tileOfSubpixels(subpixels.data as Float32Array, subpixels.dims, bytes.data as Uint8Array);
  if (!enlarged)
    throw new Error(`the graph has neither an output \`enlarged\` nor \`${SUBPIXELS}\` and \`${SUBPIXEL_BYTES}\``);
  return tileOfPixels(enlarged.data as Float32Array, enlarged.dims);
}

type Create<Model> = (model: Model, provider: Provider, threads: number) => Promise<TileNetwork>;

const createEnlarger: Create<SharedOnnxModel> = async (model, provider, threads) => {
  const primal = await createSession(await chooseGraph(model), provider, threads);
  const dual = model.dualOnnx ? await createSession(model.dualOnnx, provider, threads) : undefined;
  return {
    async run(values, { width, height, check, vector }, use) {
      const image = new Tensor('float32', values, [1, height, width, 3]);
      const given: Record<string, Tensor> = vector ? { code: vectorTensor(vector) } : {};
      const made = await primal.run({ image, ...given });
      let reduced: Tensor | undefined;
      try {
        const tile = tileOf(made);
        if (check && dual) {
          const part = rowsOf(tile, check);
          const checked = new Tensor('float32', part.values, part.shape);
          reduced = (await dual.run({ enlarged: checked, ...given }, ['reduced']))['reduced'] as Tensor;
        }
        use(tile, reduced?.data as Float32Array | undefined);
      } finally {
        // Freed now: garbage collection does not see native memory and would let it pile up.
        for (const tensor of Object.values(made)) tensor.dispose();
        reduced?.dispose();
      }
    },
    async release() {
      await primal.release();
      await dual?.release();
    },
  };
};

/** Most pictures are only looked at by a blind model: what enlarges is not made for them. */
const createEstimator: Create<SharedOnnxModel> = async ({ estimatorOnnx }, provider, threads) => {
  if (!estimatorOnnx) throw new Error('this model has no estimator');
  const estimator = await createSession(estimatorOnnx, provider, threads);
  return {
    run: () => Promise.reject(new Error('an estimator does not enlarge')),
    async estimate(values, { width, height }) {
      const image = new Tensor('float32', values, [1, height, width, 3]);
      const { code } = (await estimator.run({ image }, ['code'])) as { code: Tensor };
      try {
        return Float32Array.from(code.data as Float32Array);
      } finally {
        code.dispose();
      }
    },
    release: () => estimator.release(),
  };
};

async function createNetwork({ model, runtime, threads, estimate }: TileTask): Promise<TileNetwork> {
  if (model.engine !== 'onnx' || runtime.engine !== 'onnx') throw new Error('a task of another engine');
  return (estimate ? createEstimator : createEnlarger)(model, runtime.provider, threads);
}

stepBehindTheServer();
export const runTile = createTileRunner(createNetwork);
