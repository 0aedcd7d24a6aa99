import type { TensorData } from '../../src/core/graph/program.ts';
import type { Network } from '../../src/core/network/network.ts';
import type { ParameterValues } from '../../src/core/network/spec.ts';
import { type Tensor4D, tf } from '../../src/core/tf.ts';

/** The images a network makes, by TF.js' own kernels on its current backend: no compiler, no engine of ours. */
export async function forwardOnCpu(
  values: Readonly<Record<string, ParameterValues>>,
  network: Network,
  image: TensorData,
): Promise<TensorData[]> {
  const tensors = Object.fromEntries(
    network.parameters.map(({ name, shape }) => [name, tf.tensor((values[name] as ParameterValues).data, [...shape])]),
  );
  const outputs = network.forward(tensors, tf.tensor4d(image.data, image.shape as [number, number, number, number]));
  return Promise.all(
    outputs.map(async (y: Tensor4D) => ({
      dtype: 'float32' as const,
      shape: y.shape,
      data: (await y.data()) as Float32Array,
    })),
  );
}
