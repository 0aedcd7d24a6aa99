/**
 * The value below which `percent` of the values lie, 0 to 100; between two of them it is their
 * mixture, as NumPy's default. NaN without values.
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (percent / 100) * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

export const median = (values: readonly number[]): number => percentile(values, 50);

/** The bin of a histogram that the percentile falls into, by the nearest rank; -1 when it is empty. */
export function percentileBin(counts: Uint32Array, percent: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let left = Math.max(1, Math.ceil((percent / 100) * total));
  return counts.findIndex((count) => {
    left -= count;
    return left <= 0;
  });
}
