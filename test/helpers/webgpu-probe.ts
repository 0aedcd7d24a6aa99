/** Child process: ends with an error where the WebGPU provider does not compute. */
import { createOnnxEngine } from '../../src/core/engine/onnx/onnx-engine.ts';
import { type Tensor, tf } from '../../src/core/tf.ts';

const executable = await createOnnxEngine({ provider: 'webgpu' }).compile({
  name: 'probe',
  inputs: { x: { shape: [1] } },
  run: ({ x }) => ({ y: tf.add(x as Tensor, 1) }),
});
const { y } = await executable.run({ x: { dtype: 'float32', shape: [1], data: Float32Array.of(1) } });
await executable.release();
if (y?.data[0] !== 2) throw new Error(`webgpu added 1 and 1 to ${y?.data[0]}`);
process.send?.(true);
process.disconnect?.();
