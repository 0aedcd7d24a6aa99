/** SGD with Nesterov's momentum on the few weights that pruning changes: a loop over thousands of numbers, no program. */

export interface NesterovOptions {
  /**
   * Length of a step relative to the weights' own (You et al., "Large Batch Training of Convolutional Networks", 2017): the
   * gradient is scaled to it, so that one rate fits layers and networks of any scale.
   */
  readonly rate: number;
  /** @default 0.9 */
  readonly momentum?: number;
}

/** Euclidean norm of the values at the places where `mask` is not 0. */
function norm(values: Float32Array, mask: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) if (mask[i] !== 0) sum += values[i] ** 2;
  return Math.sqrt(sum);
}

/**
 * v = momentum * v + g; w -= rate * |w| / |g| * (g + momentum * v), as PyTorch's SGD with `nesterov`, where `mask` is not 0.
 * The values and the velocity are changed in place.
 */
export function nesterovStep(
  values: Float32Array,
  velocity: Float32Array,
  gradient: Float32Array,
  mask: Uint8Array,
  { rate, momentum = 0.9 }: NesterovOptions,
): void {
  const [size, slope] = [norm(values, mask), norm(gradient, mask)];
  if (!(slope > 0)) return;
  const scale = size / slope;
  for (let i = 0; i < values.length; i++) {
    if (mask[i] === 0) continue;
    const step = gradient[i] * scale;
    velocity[i] = momentum * velocity[i] + step;
    values[i] -= rate * (step + momentum * velocity[i]);
  }
}
