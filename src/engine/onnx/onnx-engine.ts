/** Engine that compiles programs to ONNX and runs them on ONNX Runtime. */
import { compileProgram } from '../../graph/compile.ts';
import type { Target } from '../../graph/emit/emitter.ts';
import { type OnnxGraph, serializeOnnx } from '../../graph/onnx-model.ts';
import type { Program } from '../../graph/program.ts';
import type { Engine } from '../engine.ts';
import type { Provider } from '../runtime.ts';
import { compileForCpu } from '../served/cpu-programs.ts';
import { nchwcBlockSize } from './nchwc-block.ts';
import type { SessionOptions } from './onnx-session.ts';
import { createSession, sessionExecutable } from './onnx-session.ts';

/** What a graph for this provider is compiled for. */
export const targetOf = (provider: Provider): Target => (provider === 'webgpu' ? 'webgpu' : 'any');

/** What the tile workers of this machine choose of the graphs that a served model has. */
async function serializeForCpu(graph: OnnxGraph, { inputs }: Program): Promise<Uint8Array> {
  const { blockedOnnx, cpuOnnx } = compileForCpu(graph, 'code' in inputs);
  const block = await nchwcBlockSize();
  return (block === 0 ? undefined : blockedOnnx?.[block]) ?? cpuOnnx ?? serializeOnnx(graph);
}

/** `provider` must be one that loads on this box (see `chooseProvider`); session creation throws otherwise. */
export function createOnnxEngine(options: SessionOptions = {}): Engine {
  const { provider = 'cpu' } = options;
  return {
    name: 'onnx',
    provider,
    async compile(program) {
      const onnx = serializeOnnx(compileProgram(program, { target: targetOf(provider) }));
      return sessionExecutable(await createSession(onnx, options));
    },
    async compileServed(program) {
      const graph = compileProgram(program, { target: targetOf(provider) });
      const onnx = provider === 'cpu' ? await serializeForCpu(graph, program) : serializeOnnx(graph);
      return sessionExecutable(await createSession(onnx, { ...options, isServing: true }));
    },
  };
}
