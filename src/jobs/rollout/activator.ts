/** Which model serves which scale, since when and why: switches models, remembers that over restarts, and rolls back. */
import { DualscaleError } from '../../core/errors.ts';
import { createMutex } from '../../core/mutex.ts';
import type { Serving } from '../../core/upscale/serving.ts';
import type { EventLog } from '../events/event-log.ts';
import { type JobEvent, MODELS_STREAM } from '../events/job-event.ts';
import type { Activation } from './activation.ts';

export type ActivationReason = Pick<Activation, 'reason' | 'job' | 'detail'>;

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

export class Activator {
  readonly #options: ActivatorOptions;
  readonly #entries: Activation[];
  readonly #listeners = new Set<(activation: Activation) => void>();
  /** Two switches at a time could write what served in the wrong order. */
  readonly #exclusive = createMutex();

  private constructor(options: ActivatorOptions, entries: Activation[]) {
    this.#options = options;
    this.#entries = entries;
  }

  static async open(options: ActivatorOptions): Promise<Activator> {
    const events = await options.log.open(MODELS_STREAM, options.path);
    return new Activator(
      options,
      events.filter((event) => event.type === 'activated').map(({ time, data }) => ({ time, ...data })),
    );
  }

  /** Lets the models serve that served when the server ended. */
  async restore(): Promise<void> {
    const { serving, warn } = this.#options;
    const latest = new Map(this.#entries.map(({ scale, modelId }) => [scale, modelId]));
    for (const [scale, modelId] of latest) {
      if (serving.servedBy(scale)?.id === modelId) continue;
      await serving.activate(scale, modelId).catch((error: Error) => {
        warn(`${modelId} served x${scale} before and cannot now: ${error.message}`);
      });
    }
  }

  /** Throws DS_MODEL_NOT_FOUND; resolves at once when it serves already. */
  activate(modelId: string, why: ActivationReason): Promise<Activation | undefined> {
    const { serving } = this.#options;
    return this.#exclusive(async () => {
      await serving.reload();
      const manifest = serving.models.find(({ id }) => id === modelId);
      if (!manifest) throw new DualscaleError('DS_MODEL_NOT_FOUND', `there is no model \`${modelId}\``);
      if (serving.servedBy(manifest.scale)?.id === modelId) return undefined;
      return this.#switchTo(manifest.scale, modelId, why);
    });
  }

  /** Throws DS_CONFLICT when nothing served the scale before. */
  rollback(scale: number, why: ActivationReason): Promise<Activation> {
    return this.#exclusive(() => this.#goBack(scale, why));
  }

  /** The same, if `modelId` still serves when its turn comes; undefined when another model has taken its place. */
  rollbackFrom(scale: number, modelId: string, why: ActivationReason): Promise<Activation | undefined> {
    return this.#exclusive(async () =>
      this.#options.serving.servedBy(scale)?.id === modelId ? this.#goBack(scale, why) : undefined,
    );
  }

  /** Latest first. */
  history(): readonly Activation[] {
    return this.#entries.toReversed();
  }

  /** Whether a job has put its model into service. */
  wasActivatedBy(job: string): boolean {
    return this.#entries.some((entry) => entry.job === job);
  }

  listen(listener: (activation: Activation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #switchTo(scale: number, modelId: string, why: ActivationReason): Promise<Activation> {
    const { serving } = this.#options;
    const previousModelId = serving.servedBy(scale)?.id ?? null;
    await serving.activate(scale, modelId);
    const { time, data } = await this.#note({ scale, modelId, previousModelId, ...why });
    const activation = { time, ...data };
    this.#entries.push(activation);
    if (this.#entries.length > 2 * MAX_HISTORY) this.#entries.splice(0, this.#entries.length - MAX_HISTORY);
    for (const listener of this.#listeners) listener(activation);
    return activation;
  }

  /** What is not in the history must not serve: the next start would not know of it. */
  async #note(data: Omit<Activation, 'time'>): Promise<ActivatedEvent> {
    const { serving, log, warn } = this.#options;
    try {
      return (await log.emit(MODELS_STREAM, { type: 'activated', data })) as ActivatedEvent;
    } catch (error) {
      const { scale, modelId, previousModelId } = data;
      if (previousModelId !== null) {
        await serving.activate(scale, previousModelId).catch(() => {
          warn(`${modelId} serves x${scale} until the next start: that could not be noted down`);
        });
      }
      throw error;
    }
  }

  async #goBack(scale: number, why: ActivationReason): Promise<Activation> {
    const previous = previousModels(this.#entries).get(scale)?.at(-1);
    if (previous === undefined) {
      const publicDetail = `No model served x${scale} before.`;
      throw new DualscaleError('DS_CONFLICT', `nothing served x${scale} before`, { publicDetail });
    }
    return this.#switchTo(scale, previous, why);
  }
}
