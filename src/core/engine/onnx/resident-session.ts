/**
 * A session with state: some outputs of a run are inputs of a later one, and stay where they were
 * computed. On WebGPU they are buffers of the device, so a training step moves its images there and
 * two numbers back. The other providers' binding has no such buffers; their state is ordinary
 * tensors.
 */
import type { InferenceSession, OnnxValue, Tensor } from 'onnxruntime-node';
import { type OnnxNode, type OnnxValue as OnnxValueInfo, serializeOnnx } from '../../graph/onnx-model.ts';
import type { Tensors } from '../engine.ts';
import type { Provider } from '../runtime.ts';
import { createProfiledSession, type NodePlacement } from './node-placement.ts';
import { createSession, fromOrt, toOrt } from './onnx-session.ts';

export interface ResidentOptions {
  readonly provider: Provider;
  /** Intra-op threads. @default 1 */
  readonly threads?: number;
  /** For each input that is state, the output that holds its next value. */
  readonly nextOutputs: Readonly<Record<string, string>>;
  /** Values of the state inputs at the first run. */
  readonly state: Tensors;
}

export interface ResidentSession {
  /**
   * Runs on the current state and returns the outputs that are not state. The state changes only
   * with `advance`.
   */
  run(inputs: Tensors): Promise<Tensors>;
  /** What the last run computed becomes the state. */
  advance(): void;
  /** A copy of the state in host memory. */
  readState(): Promise<Tensors>;
  /** See `ProfiledSession`: to be called once, after a run. */
  placement(): Promise<NodePlacement>;
  release(): Promise<void>;
}

type State = Record<string, Tensor>;

/**
 * A tensor without memory on a device has nothing to free; garbage collection sees the others too
 * late.
 */
function free(state: State): void {
  for (const tensor of Object.values(state)) if (tensor.location === 'gpu-buffer') tensor.dispose();
}

const outputName = (name: string): string => `host.${name}`;

/**
 * A graph that passes the state through. `Tensor.getData` of a device's buffer ends the process in
 * Node (ONNX Runtime 1.30).
 */
function createReader(state: State, provider: Provider): Promise<InferenceSession> {
  const values = Object.entries(state).map(([name, { dims }]) => ({ name, dtype: 'float32' as const, shape: dims }));
  const nodes = values.map(({ name }): OnnxNode => ({ op: 'Identity', inputs: [name], outputs: [outputName(name)] }));
  const outputs = values.map((value): OnnxValueInfo => ({ ...value, name: outputName(value.name) }));
  return createSession(serializeOnnx({ name: 'state', nodes, initializers: [], inputs: values, outputs }), {
    provider,
  });
}

/** `onnx` holds the graph; all state is float32. */
export async function createResidentSession(onnx: Uint8Array, options: ResidentOptions): Promise<ResidentSession> {
  const { provider, threads = 1, nextOutputs } = options;
  const names = Object.entries(nextOutputs);
  const deviceOutputs = provider === 'webgpu' ? { deviceOutputs: Object.values(nextOutputs) } : {};
  const profiled = await createProfiledSession(onnx, { provider, threads, ...deviceOutputs });
  const { session, placement } = profiled;
  let state: State = Object.fromEntries(names.map(([name]) => [name, toOrt(options.state[name])]));
  let next: State | undefined;
  let reader: InferenceSession | undefined;
  const drop = (dropped: State | undefined) => dropped && free(dropped);
  return {
    async run(inputs) {
      drop(next);
      const feeds = Object.entries(inputs).map(([name, tensor]) => [name, toOrt(tensor)] as const);
      const results: Readonly<Record<string, OnnxValue>> = await session.run({
        ...Object.fromEntries(feeds),
        ...state,
      });
      next = Object.fromEntries(names.map(([name, output]) => [name, results[output] as Tensor]));
      const stays = new Set(Object.values(nextOutputs));
      const others = Object.entries(results).filter(([name]) => !stays.has(name));
      return Object.fromEntries(others.map(([name, value]) => [name, fromOrt(value as Tensor)]));
    },
    advance() {
      if (!next) throw new Error('there was no run since the state last changed');
      drop(state);
      state = next;
      next = undefined;
    },
    async readState() {
      let host: Readonly<Record<string, OnnxValue>> = state;
      if (Object.values(state).some(({ location }) => location === 'gpu-buffer')) {
        reader ??= await createReader(state, provider);
        const results = await reader.run(state);
        host = Object.fromEntries(names.map(([name]) => [name, results[outputName(name)] as Tensor]));
      }
      return Object.fromEntries(Object.entries(host).map(([name, value]) => [name, fromOrt(value as Tensor)]));
    },
    placement,
    async release() {
      drop(next);
      drop(state);
      await reader?.release();
      await profiled.release();
    },
  };
}
