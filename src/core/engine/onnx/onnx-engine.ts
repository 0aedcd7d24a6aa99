/** Engine that compiles programs to ONNX and runs them on ONNX Runtime. */
import { compileProgram } from '../../graph/compile.ts';
import type { Target } from '../../graph/emit/emitter.ts';
import { serializeOnnx } from '../../graph/onnx-model.ts';
import type { Engine } from '../engine.ts';
import type { Provider } from '../runtime.ts';
import { compileForCpu } from '../served/served-model.ts';
import { chooseGraph } from './nchwc-block.ts';
import { createSession, type SessionOptions, sessionExecutable } from './onnx-session.ts';

/** What a graph for this provider is compiled for. */
export const targetOf = (provider: Provider): Target => (provider === 'webgpu' ? 'webgpu' : 'any');

/**
 * `provider` must be one that loads on this box (see `chooseProvider`); session creation throws
 * otherwise.
 */
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
      const onnx = serializeOnnx(graph);
      const isCpu = provider === 'cpu';
      const served = isCpu ? await chooseGraph({ onnx, ...compileForCpu(graph, 'code' in program.inputs) }) : onnx;
      return sessionExecutable(await createSession(served, { ...options, isServing: true }));
    },
  };
}
