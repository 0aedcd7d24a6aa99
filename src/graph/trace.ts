/**
 * Tracing: runs a program's TF.js functions on a symbolic backend. No number is computed; every kernel call, those of
 * the gradients TF.js derives included, is appended to a tape.
 */
import { tf } from '../tf.ts';
import { KERNEL_RULES } from './infer.ts';
import type { Dtype, Program } from './program.ts';
import type { Tape, TapeNode, TapeValue } from './tape.ts';
import { sizeOf } from './tape.ts';

const BACKEND = 'dualscale-trace';

interface SymbolicId {
  readonly id: number;
}

interface Recording {
  readonly values: TapeValue[];
  readonly nodes: TapeNode[];
}

type Values = Float32Array | Int32Array | Uint8Array;

function splatOf(values: ArrayLike<number>): number | undefined {
  const first = values[0];
  if (first === undefined) return undefined;
  for (let i = 1; i < values.length; i++) if (values[i] !== first) return undefined;
  return Number(first);
}

class TraceBackend extends tf.KernelBackend {
  recording: Recording = { values: [], nodes: [] };

  add(value: Omit<TapeValue, 'id'>): SymbolicId {
    const id = this.recording.values.length;
    this.recording.values.push({ ...value, id });
    return { id };
  }

  override write(values: Values, shape: number[], dtype: Dtype): SymbolicId {
    const splat = splatOf(values);
    return this.add(splat === undefined ? { shape, dtype, data: values.slice() } : { shape, dtype, splat });
  }

  override read(): never {
    throw new Error('a traced program cannot read the values of its tensors');
  }
  override readSync(): never {
    return this.read();
  }
  // Values live as long as the recording, so TF.js' reference counts mean nothing here.
  override disposeData(): boolean {
    return true;
  }
  override incRef(): void {}
  decRef(): void {}
  override refCount(): number {
    return 1;
  }
  override numDataIds(): number {
    return this.recording.values.length;
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override timerAvailable(): boolean {
    return false;
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }
}

type TensorInfo = { dataId: object; shape: number[]; dtype: Dtype };

function registerKernels(): void {
  const aliased = ({ inputs }: { inputs: Record<string, TensorInfo> }) => ({ ...inputs['x'] });
  tf.registerKernel({ kernelName: 'Identity', backendName: BACKEND, kernelFunc: aliased as never });
  for (const [kernelName, rule] of Object.entries(KERNEL_RULES)) {
    const kernelFunc = (call: {
      inputs: Record<string, TensorInfo>;
      attrs: Record<string, unknown>;
      backend: TraceBackend;
    }) => {
      const inputs = rule.inputs === 'list' ? Object.values(call.inputs) : rule.inputs.map((name) => call.inputs[name]);
      const { shape, dtype } = rule.infer(inputs, call.attrs);
      const dataId = call.backend.add({ shape, dtype });
      call.backend.recording.nodes.push({
        kernel: kernelName,
        inputs: inputs.map((input) => (input.dataId as SymbolicId).id),
        outputs: [dataId.id],
        attributes: { ...call.attrs },
      });
      return { dataId, shape: [...shape], dtype };
    };
    tf.registerKernel({ kernelName, backendName: BACKEND, kernelFunc: kernelFunc as never });
  }
}

let backend: TraceBackend | undefined;

function traceBackend(): TraceBackend {
  if (!backend) {
    const created = new TraceBackend();
    registerKernels();
    tf.registerBackend(BACKEND, () => created, 0);
    backend = created;
  }
  return backend;
}

/** Records `program` at the shapes its inputs declare. Throws when it calls a kernel without a rule or reads a tensor's values. */
export function traceProgram(program: Program): Tape {
  const trace = traceBackend();
  const recording: Recording = { values: [], nodes: [] };
  const previous = tf.getBackend();
  trace.recording = recording;
  const inputs: Record<string, number> = {};
  const outputs: Record<string, number> = {};
  tf.setBackend(BACKEND);
  try {
    tf.tidy(() => {
      const tensors: Record<string, ReturnType<typeof tf.tensor>> = {};
      const declare = (name: string, value: Omit<TapeValue, 'id'>) => {
        const dataId = trace.add(value);
        inputs[name] = dataId.id;
        tensors[name] = tf.engine().makeTensorFromDataId(dataId, [...value.shape], value.dtype) as never;
      };
      for (const [name, { shape, dtype = 'float32' }] of Object.entries(program.inputs))
        declare(name, { shape, dtype, input: name });
      for (const [name, { shape, dtype, data }] of Object.entries(program.constants ?? {})) {
        if (data.length !== sizeOf(shape))
          throw new Error(`constant ${name}: ${data.length} values for shape [${shape}]`);
        declare(name, { shape, dtype, data });
        delete inputs[name];
      }
      for (const [name, tensor] of Object.entries(program.run(tensors)))
        outputs[name] = (tensor.dataId as SymbolicId).id;
    });
  } finally {
    tf.setBackend(previous ?? 'cpu');
    trace.recording = { values: [], nodes: [] };
  }
  return { ...recording, inputs, outputs };
}
