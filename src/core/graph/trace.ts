/**
 * Tracing: runs a program's TF.js functions on a symbolic backend. No number is computed; every
 * kernel call, those of the gradients TF.js derives included, is appended to a tape.
 */
import { tf } from '../tf.ts';
import { axesOf, KERNEL_RULES } from './infer.ts';
import type { Dtype, Program } from './program.ts';
import type { Tape, TapeNode, TapeValue } from './tape.ts';
import { sizeOf } from './tape.ts';

const BACKEND = 'dualscale-trace';

interface Recording {
  readonly values: TapeValue[];
  readonly nodes: TapeNode[];
}

interface SymbolicId {
  readonly owner: Recording;
  readonly id: number;
  /** Tensors that share the value, counted because TF.js' own books go wrong otherwise. */
  references: number;
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
    return { owner: this.recording, id, references: 1 };
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
  override disposeData(dataId: object): boolean {
    const symbol = dataId as SymbolicId;
    symbol.references -= 1;
    return symbol.references <= 0;
  }
  override incRef(dataId: object): void {
    (dataId as SymbolicId).references += 1;
  }
  override refCount(dataId: object): number {
    return (dataId as SymbolicId).references;
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

/**
 * The number of a tensor on the tape. TF.js also hands over tensors of other backends and of
 * earlier traces; they have none.
 */
function idOf({ dataId }: { dataId: object }, recording: Recording): number {
  const { owner, id } = dataId as SymbolicId;
  if (owner !== recording) {
    throw new Error(
      'a traced program may use its inputs, its constants and what it makes of them, but no tensor made outside',
    );
  }
  return id;
}

type Attributes = Record<string, unknown>;

function record(
  backend: TraceBackend,
  kernel: string,
  tensors: readonly TensorInfo[],
  attributes: Attributes,
): TensorInfo {
  const inputs = tensors.map((tensor) => idOf(tensor, backend.recording));
  const { shape, dtype } = KERNEL_RULES[kernel].infer(tensors, attributes);
  const dataId = backend.add({ shape, dtype });
  backend.recording.nodes.push({ kernel, inputs, outputs: [dataId.id], attributes: { ...attributes } });
  return { dataId, shape: [...shape], dtype };
}

/**
 * Slices of `x` along one axis, one per size. Splitting and unstacking, the gradients of concat and
 * stack, are recorded as these.
 */
function slices(backend: TraceBackend, x: TensorInfo, axis: number, sizes: readonly number[]): TensorInfo[] {
  let offset = 0;
  return sizes.map((count) => {
    const begin = x.shape.map((_, i) => (i === axis ? offset : 0));
    const size = x.shape.map((dim, i) => (i === axis ? count : dim));
    offset += count;
    return record(backend, 'Slice', [x], { begin, size });
  });
}

interface KernelCall {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attrs: Attributes;
  readonly backend: TraceBackend;
}

const MANY_OUTPUTS: Readonly<Record<string, (call: KernelCall) => TensorInfo[]>> = {
  SplitV: ({ inputs: { x }, attrs, backend }) => {
    const [axis] = axesOf(attrs['axis'], x.shape.length);
    const sizes = tf.backend_util.prepareSplitSize(x as never, attrs['numOrSizeSplits'] as number[], axis);
    return slices(backend, x, axis, sizes);
  },
  Unpack: ({ inputs: { value }, attrs, backend }) => {
    const [axis] = axesOf(attrs['axis'], value.shape.length);
    const shape = value.shape.filter((_, i) => i !== axis);
    const ones = Array<number>(value.shape[axis]).fill(1);
    return slices(backend, value, axis, ones).map((part) => record(backend, 'Reshape', [part], { shape }));
  },
};

function identity({ inputs: { x }, backend }: KernelCall): TensorInfo {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
}

function registerKernels(): void {
  const register = (kernelName: string, kernelFunc: (call: KernelCall) => TensorInfo | TensorInfo[]) =>
    tf.registerKernel({ kernelName, backendName: BACKEND, kernelFunc: kernelFunc as never });
  register('Identity', identity);
  for (const [kernelName, kernelFunc] of Object.entries(MANY_OUTPUTS)) register(kernelName, kernelFunc);
  for (const [kernelName, rule] of Object.entries(KERNEL_RULES)) {
    register(kernelName, ({ inputs, attrs, backend }) => {
      const tensors = rule.inputs === 'list' ? Object.values(inputs) : rule.inputs.map((name) => inputs[name]);
      return record(backend, kernelName, tensors, attrs);
    });
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

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const kernel = /^Kernel '(\w+)' not registered/.exec(message)?.[1];
  return kernel ? `the compiler has no form of the TF.js kernel ${kernel}` : message;
}

/**
 * Records `program` at the shapes its inputs declare. Throws when it calls a kernel without a rule
 * or reads a tensor's values.
 */
export function traceProgram(program: Program): Tape {
  const trace = traceBackend();
  const recording: Recording = { values: [], nodes: [] };
  const previous = tf.getBackend();
  trace.recording = recording;
  const inputs: Record<string, number> = {};
  const outputs: Record<string, number> = {};
  void tf.setBackend(BACKEND);
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
      for (const [name, tensor] of Object.entries(program.run(tensors))) outputs[name] = idOf(tensor, recording);
    });
  } catch (error) {
    throw new Error(`${program.name}: ${reasonOf(error)}`, { cause: error });
  } finally {
    void tf.setBackend(previous ?? 'cpu');
    trace.recording = { values: [], nodes: [] };
  }
  return { ...recording, inputs, outputs };
}
