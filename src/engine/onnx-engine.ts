/** Engine that compiles programs to ONNX and runs them on ONNX Runtime. */
import { compileProgram } from '../graph/compile.ts';
import { serializeOnnx } from '../graph/onnx-model.ts';
import type { Engine } from './engine.ts';
import type { SessionOptions } from './onnx-session.ts';
import { createSession, sessionExecutable } from './onnx-session.ts';

/** `provider` must be one that loads on this box (see `chooseProvider`); session creation throws otherwise. */
export function createOnnxEngine(options: SessionOptions = {}): Engine {
  return {
    name: 'onnx',
    provider: options.provider ?? 'cpu',
    async compile(program) {
      return sessionExecutable(await createSession(serializeOnnx(compileProgram(program)), options));
    },
  };
}
