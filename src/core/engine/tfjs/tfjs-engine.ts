/**
 * Engine that runs programs eagerly on a TF.js backend: the tests' oracle, and the engine for boxes
 * with TensorFlow installed.
 */
import { badOption } from '../../errors.ts';
import type { Dtype, TensorData } from '../../graph/program.ts';
import { type Tensor, tf } from '../../tf.ts';
import type { Engine } from '../engine.ts';
import type { TfjsBackend } from '../runtime.ts';
import { loadTfjsBackend, TFJS_BACKENDS } from './tfjs-backend.ts';

interface TfjsEngineOptions {
  /**
   * `auto` takes `tensorflow` where tfjs-node(-gpu) can be imported, else `wasm` where its package
   * is installed, else `cpu`. @default 'auto'
   */
  readonly backend?: TfjsBackend | 'auto';
  readonly log?: (message: string) => void;
}

async function activate(wanted: TfjsBackend | 'auto', log: (message: string) => void): Promise<TfjsBackend> {
  const failures: string[] = [];
  for (const backend of wanted === 'auto' ? TFJS_BACKENDS : [wanted]) {
    const result = await loadTfjsBackend(backend);
    if (result.isLoaded) {
      log(`TF.js engine on backend ${backend} (${result.from})`);
      return backend;
    }
    failures.push(`${backend} (${result.reason})`);
  }
  throw badOption('backend', 'a TF.js backend that loads on this machine', failures.join(', '));
}

function toTensor({ dtype, shape, data }: TensorData): Tensor {
  return tf.tensor(data, [...shape], dtype);
}

/** Throws DS_BAD_OPTION when the backend asked for cannot be loaded, with the reason. */
export async function createTfjsEngine(options: TfjsEngineOptions = {}): Promise<Engine> {
  const backend = await activate(options.backend ?? 'auto', options.log ?? (() => {}));
  return {
    name: 'tfjs',
    provider: backend,
    async compile(program) {
      await tf.setBackend(backend);
      const constants = Object.fromEntries(
        Object.entries(program.constants ?? {}).map(([name, data]) => [name, toTensor(data)]),
      );
      return {
        async run(inputs) {
          await tf.setBackend(backend);
          const outputs = tf.tidy(() => {
            const tensors = Object.fromEntries(Object.entries(inputs).map(([name, data]) => [name, toTensor(data)]));
            return program.run({ ...tensors, ...constants });
          });
          const read = async ([name, tensor]: [string, Tensor]) => {
            const data = (await tensor.data()) as TensorData['data'];
            return [name, { dtype: tensor.dtype as Dtype, shape: tensor.shape, data }] as const;
          };
          const results = Object.fromEntries(await Promise.all(Object.entries(outputs).map(read)));
          const kept = new Set(Object.values(constants));
          for (const tensor of Object.values(outputs)) if (!kept.has(tensor)) tensor.dispose();
          return results;
        },
        async release() {
          for (const tensor of Object.values(constants)) tensor.dispose();
        },
      };
    },
  };
}
