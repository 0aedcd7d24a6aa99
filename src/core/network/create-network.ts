/** From a spec to a network, and from a network to its first parameters. */

import { createDrn } from './drn.ts';
import { createDual } from './dual.ts';
import { createEdge } from './edge.ts';
import type { Network } from './network.ts';
import type { DrnSpec, DualSpec, EdgeSpec, NetworkSpec, ParameterValues } from './spec.ts';

/**
 * @throws DS_BAD_MODEL when the spec contradicts itself. Check data from outside with `parseSpec`
 * first.
 */
export function createNetwork(spec: EdgeSpec): Network<EdgeSpec>;
export function createNetwork(spec: DrnSpec): Network<DrnSpec>;
export function createNetwork(spec: DualSpec): Network<DualSpec>;
export function createNetwork(spec: NetworkSpec): Network<NetworkSpec>;
export function createNetwork(spec: NetworkSpec | DualSpec): Network;
export function createNetwork(spec: NetworkSpec | DualSpec): Network {
  switch (spec.family) {
    case 'edge':
      return createEdge(spec);
    case 'drn':
      return createDrn(spec);
    case 'dual':
      return createDual(spec);
  }
}

/**
 * U(-1/sqrt(fanIn), 1/sqrt(fanIn)) for weights and biases, PyTorch's default for convolutions.
 * @param random uniform in [0, 1); called once per number, in the order of `network.parameters`.
 */
export function initialiseParameters(
  network: Pick<Network, 'parameters'>,
  random: () => number,
): Record<string, ParameterValues> {
  const values: Record<string, ParameterValues> = {};
  for (const { name, shape, fanIn } of network.parameters) {
    const bound = 1 / Math.sqrt(fanIn);
    const data = new Float32Array(shape.reduce((size, axis) => size * axis, 1));
    for (let i = 0; i < data.length; i++) data[i] = bound * (2 * random() - 1);
    values[name] = { shape, data };
  }
  return values;
}
