/** Learning rate over a run: linear warm-up, then half a cosine down to the final rate. */
export interface Schedule {
  readonly steps: number;
  /** Peak rate. */
  readonly learningRate: number;
  /** Steps over which the rate rises from 0. @default 100 */
  readonly warmupSteps?: number;
  /** Rate of the last step. @default 1e-7 */
  readonly finalLearningRate?: number;
}

/** @param step counted from 0 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { steps, learningRate, warmupSteps = 100, finalLearningRate = 1e-7 } = schedule;
  const warmup = Math.min(warmupSteps, steps);
  if (step < warmup) return (learningRate * (step + 1)) / warmup;
  const progress = (step - warmup) / Math.max(1, steps - warmup);
  return finalLearningRate + 0.5 * (learningRate - finalLearningRate) * (1 + Math.cos(Math.PI * Math.min(1, progress)));
}
