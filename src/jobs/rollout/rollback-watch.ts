/** Looks after a model that has just begun to serve, and puts the one before it back when it does worse than it may. */

import { percentile } from '../../core/measure/percentile.ts';
import type { Activation } from './activation.ts';
import type { Activator } from './activator.ts';
import { paceOf, type ServedSample, type ServingStats } from './serving-stats.ts';
import type { Watch } from './watch.ts';

export interface RollbackOptions {
  /** Seconds after a switch in which it may be undone by itself; 0 turns that off. @default 600 */
  readonly watchSeconds?: number;
  /** Pictures before anything is decided. @default 20 */
  readonly minRequests?: number;
  /** Share of pictures that may fail, 0 to 1. @default 0.02 */
  readonly maxErrorRate?: number;
  /** How many times the network time per pixel of the model before may grow (95th percentiles). @default 1.5 */
  readonly maxLatencyRatio?: number;
}

export interface RollbackWatch {
  watching(): readonly Watch[];
  close(): void;
}

export interface RollbackWatchContext {
  readonly activator: Activator;
  readonly stats: ServingStats;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

interface Watched {
  readonly activation: Activation & { readonly previousModelId: string };
  readonly until: number;
  /** Milliseconds per megapixel of the model before. */
  readonly pace: number | undefined;
  readonly paces: number[];
  requests: number;
  errors: number;
}

/** Percentiles of more add nothing. */
const MAX_PACES = 1000;

export function createRollbackWatch(options: RollbackOptions, context: RollbackWatchContext): RollbackWatch {
  const { watchSeconds = 600, minRequests = 20, maxErrorRate = 0.02, maxLatencyRatio = 1.5 } = options;
  const { activator, stats, now, warn } = context;
  const watched = new Map<number, Watched>();

  const complaint = ({ requests, errors, pace, paces }: Watched): string | undefined => {
    if (requests < minRequests) return undefined;
    if (errors / requests > maxErrorRate) return `${errors} of ${requests} pictures failed`;
    if (pace === undefined || paces.length < minRequests) return undefined;
    const current = percentile(paces, 95);
    if (current <= maxLatencyRatio * pace) return undefined;
    return `${current.toFixed(1)} ms per megapixel, ${pace.toFixed(1)} before`;
  };

  const onSample = (sample: ServedSample): void => {
    const entry = watched.get(sample.scale);
    if (entry?.activation.modelId !== sample.modelId) return;
    if (now() > entry.until) {
      watched.delete(sample.scale);
      return;
    }
    entry.requests += 1;
    if (sample.failed) entry.errors += 1;
    else if (sample.outputPixels > 0 && entry.paces.length < MAX_PACES) entry.paces.push(paceOf(sample));
    const detail = complaint(entry);
    if (detail === undefined) return;
    watched.delete(sample.scale);
    const { modelId, job } = entry.activation;
    const why = { reason: 'automatic-rollback', job, detail: `${modelId}: ${detail}` } as const;
    activator.rollbackFrom(sample.scale, modelId, why).then(
      (activation) => activation && warn(`${modelId} was replaced by the model before it: ${detail}`),
      (error: Error) => warn(`${modelId} should have been replaced (${detail}): ${error.message}`),
    );
  };

  const onActivation = (activation: Activation): void => {
    const { scale, previousModelId, reason } = activation;
    watched.delete(scale);
    // What was put back is not put away again: two bad models would take turns.
    const isNew = reason === 'operator' || reason === 'job';
    if (watchSeconds === 0 || previousModelId === null || !isNew) return;
    const until = now() + 1000 * watchSeconds;
    const pace = stats.pace(previousModelId);
    watched.set(scale, {
      activation: { ...activation, previousModelId },
      until,
      pace,
      paces: [],
      requests: 0,
      errors: 0,
    });
  };

  const stop = [activator.listen(onActivation), stats.listen(onSample)];
  return {
    watching: () =>
      [...watched.values()]
        .filter(({ until }) => until >= now())
        .map(({ activation: { scale, modelId, previousModelId }, requests, errors, until }) => {
          return { scale, modelId, previousModelId, requests, errors, until: new Date(until).toISOString() };
        }),
    close() {
      for (const end of stop) end();
    },
  };
}
