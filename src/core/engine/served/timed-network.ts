/** A network that runs as the tile workers of an engine run it, only to be timed. */
import type { Network } from '../../network/network.ts';
import type { NetworkSpec, ParameterValues } from '../../network/spec.ts';
import type { Engine, Tensors } from '../engine.ts';
import { tileProgram, vectorWidth } from './programs.ts';

export interface TimedNetwork {
  /** Enlarges one picture, without bringing its pixels into order. Throws DS_ENGINE. */
  run(): Promise<void>;
  release(): Promise<void>;
}

/**
 * A conditioned network is timed as almost every tile meets it: with its degradation vector given,
 * not estimated.
 * @param size of the picture, LR pixels
 */
export async function openTimedNetwork(
  engine: Engine,
  network: Network<NetworkSpec>,
  parameters: Readonly<Record<string, ParameterValues>>,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<TimedNetwork> {
  const program = tileProgram(network, parameters);
  const executable = await (engine.compileServed?.(program) ?? engine.compile(program));
  // The time of a convolution does not depend on the values, as long as they are ordinary numbers.
  const data = Float32Array.from({ length: width * height * 3 }, (_, i) => ((i * 37) % 256) / 255);
  const length = vectorWidth(network.spec) ?? 0;
  const code = { dtype: 'float32', shape: [1, 1, 1, length], data: new Float32Array(length) } as const;
  const image = { dtype: 'float32', shape: [1, height, width, 3], data } as const;
  const inputs: Tensors = length > 0 ? { image, code } : { image };
  return {
    async run() {
      await executable.run(inputs);
    },
    release: () => executable.release(),
  };
}
