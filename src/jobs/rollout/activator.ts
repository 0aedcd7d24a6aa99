/** What serves which scale, since when and why: switches models, remembers it over restarts, and goes back. */
import { DualscaleError } from '../../core/errors.ts';
import { createMutex } from '../../core/mutex.ts';
import type { EventLog } from '../events/event-log.ts';
import { type JobEvent, MODELS_STREAM } from '../events/job-event.ts';
import type { Activation } from './activation.ts';
import type { Serving } from './serving.ts';

export type ActivationReason = Pick<Activation, 'reason' | 'job' | 'detail'>;

export interface Activator {
  /** Lets the models serve that served when the server ended. */
  restore(): Promise<void>;
  /** Throws DS_MODEL_NOT_FOUND; resolves at once when it serves already. */
  activate(modelId: string, why: ActivationReason): Promise<Activation | undefined>;
  /** Throws DS_CONFLICT when nothing served the scale before. */
  rollback(scale: number, why: ActivationReason): Promise<Activation>;
  /** The same, if `modelId` still serves when its turn comes; undefined when another model has taken its place. */
  rollbackFrom(scale: number, modelId: string, why: ActivationReason): Promise<Activation | undefined>;
  /** Latest first. */
  history(): readonly Activation[];
  /** Whether a job has put its model into service. */
  wasActivatedBy(job: string): boolean;
  listen(listener: (activation: Activation) => void): () => void;
}

export interface ActivatorOptions {
  readonly serving: Serving;
  readonly log: EventLog;
  /** File of the history. */
  readonly path: string;
  readonly warn: (message: string) => void;
}

const MAX_HISTORY = 1000;

type ActivatedEvent = Extract<JobEvent, { type: 'activated' }>;

/** Models to go back to, by scale, the latest last: a rollback takes one away, everything else adds one. */
function previousModels(history: readonly Activation[]): Map<number, string[]> {
  const stacks = new Map<number, string[]>();
  for (const { scale, previousModelId, reason } of history) {
    const stack = stacks.get(scale) ?? [];
    if (reason === 'rollback' || reason === 'automatic-rollback') stack.pop();
    else if (previousModelId !== null) stack.push(previousModelId);
    stacks.set(scale, stack);
  }
  return stacks;
}

export function createActivator({ serving, log, path, warn }: ActivatorOptions): Activator {
  const isActivation = (event: JobEvent) => event.type === 'activated';
  const entries: Activation[] = log
    .open(MODELS_STREAM, path)
    .filter(isActivation)
    .map(({ time, data }) => ({ time, ...data }));
  const listeners = new Set<(activation: Activation) => void>();
  // Two switches at a time could note down what served in the wrong order.
  const exclusive = createMutex();

  /** What is not in the history must not serve: the next start would not know of it. */
  const noteDown = async (data: Omit<Activation, 'time'>): Promise<ActivatedEvent> => {
    try {
      return log.emit(MODELS_STREAM, { type: 'activated', data }) as ActivatedEvent;
    } catch (error) {
      const { scale, modelId, previousModelId } = data;
      if (previousModelId !== null) {
        await serving.activate(scale, previousModelId).catch(() => {
          warn(`${modelId} serves x${scale} until the next start: that could not be noted down`);
        });
      }
      throw error;
    }
  };

  const switchTo = async (scale: number, modelId: string, why: ActivationReason): Promise<Activation> => {
    const previousModelId = serving.servedBy(scale)?.id ?? null;
    await serving.activate(scale, modelId);
    const { time, data } = await noteDown({ scale, modelId, previousModelId, ...why });
    const activation = { time, ...data };
    entries.push(activation);
    if (entries.length > 2 * MAX_HISTORY) entries.splice(0, entries.length - MAX_HISTORY);
    for (const listener of listeners) listener(activation);
    return activation;
  };

  const goBack = async (scale: number, why: ActivationReason): Promise<Activation> => {
    const previous = previousModels(entries).get(scale)?.at(-1);
    if (previous === undefined) {
      const publicDetail = `Nothing served x${scale} before.`;
      throw new DualscaleError('DS_CONFLICT', `nothing served x${scale} before`, { publicDetail });
    }
    return switchTo(scale, previous, why);
  };

  return {
    async restore() {
      const latest = new Map(entries.map(({ scale, modelId }) => [scale, modelId]));
      for (const [scale, modelId] of latest) {
        if (serving.servedBy(scale)?.id === modelId) continue;
        await serving.activate(scale, modelId).catch((error: Error) => {
          warn(`${modelId} served x${scale} before and cannot now: ${error.message}`);
        });
      }
    },
    activate: (modelId, why) =>
      exclusive(async () => {
        await serving.reload();
        const manifest = serving.models.find(({ id }) => id === modelId);
        if (!manifest) throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no model \`${modelId}\``);
        if (serving.servedBy(manifest.scale)?.id === modelId) return undefined;
        return switchTo(manifest.scale, modelId, why);
      }),
    rollback: (scale, why) => exclusive(() => goBack(scale, why)),
    rollbackFrom: (scale, modelId, why) =>
      exclusive(async () => (serving.servedBy(scale)?.id === modelId ? goBack(scale, why) : undefined)),
    history: () => entries.toReversed(),
    wasActivatedBy: (job) => entries.some((entry) => entry.job === job),
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
