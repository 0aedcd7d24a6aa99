/** Wall-clock times of repeated runs. */
import { median } from '../src/core/measure/percentile.ts';

export interface Timing {
  readonly minMs: number;
  readonly medianMs: number;
  readonly maxMs: number;
  readonly runs: number;
}

export function summarize(milliseconds: readonly number[]): Timing {
  return {
    minMs: Math.min(...milliseconds),
    medianMs: median(milliseconds),
    maxMs: Math.max(...milliseconds),
    runs: milliseconds.length,
  };
}

export async function timeOnce(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

export interface RoundOptions {
  /** Times the whole list is gone through. */
  readonly rounds: number;
  /** Timed runs of each candidate per round, after one run that is not timed. */
  readonly runsPerRound: number;
}

/**
 * Goes through the candidates several times rather than measuring one after the other: a machine that becomes slower
 * meanwhile slows all of them, and the ratios stay.
 */
export async function timeInRounds<Candidate extends { run(): Promise<unknown> }>(
  candidates: readonly Candidate[],
  { rounds, runsPerRound }: RoundOptions,
): Promise<Map<Candidate, Timing>> {
  const times = new Map(candidates.map((candidate) => [candidate, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [candidate, values] of times) {
      await candidate.run();
      for (let i = 0; i < runsPerRound; i++) values.push(await timeOnce(() => candidate.run()));
    }
  }
  return new Map([...times].map(([candidate, values]) => [candidate, summarize(values)]));
}

export const timingColumns = ({ minMs, medianMs, maxMs, runs }: Timing) => ({
  'min ms': minMs,
  'median ms': medianMs,
  'max ms': maxMs,
  runs,
});
