/**
 * How long each model takes for its work here: models of different shapes do not get equally many
 * operations out of a machine.
 */

/** Weight of older work at each finished piece, as in `Throughput`: the last ten or so count. */
const DECAY = 0.9;
/**
 * How much of what differs from the forecast is the machine's doing, for all models alike: another
 * process, say.
 */
const MACHINE_SHARE = 0.3;
/** And the model's, once it is known; at first more. */
const MODEL_SHARE = 0.1;
/**
 * One picture that took ten times as long, while a file was read or code was compiled, is not ten
 * times as much news.
 */
const MAX_SURPRISE = 2;
/**
 * A model that nobody chose for this long is tried again by its cost alone: one slow start must not
 * shut it out for good.
 */
const FORGET_MS = 60_000;

interface Known {
  /** Milliseconds for a unit of cost, as a multiple of the machine's. */
  readonly factor: number;
  readonly pictures: number;
  readonly at: number;
}

export class ServiceTimeEstimator {
  readonly #now: () => number;
  readonly #models = new Map<string, Known>();
  /**
   * Runs at full speed for one picture and at half for each of two: the time that is a picture's
   * own.
   */
  #sharedMs = 0;
  #since = 0;
  #running = 0;
  /** Milliseconds for a unit of cost, of a model with factor 1. */
  #machine: number | undefined;
  #doneMs = 0;
  #doneCost = 0;

  /** @param now milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * A picture is begun with `model`; call the result with its cost when it is done, or with 0 when
   * it ended early.
   */
  start(model: string): (cost: number) => void {
    this.#advance();
    this.#running += 1;
    const begun = this.#sharedMs;
    return (cost) => {
      this.#advance();
      this.#running -= 1;
      if (cost > 0) this.#learn(model, cost, this.#sharedMs - begun);
    };
  }

  /**
   * Milliseconds that work of this cost takes the model on an idle machine; undefined until
   * anything was finished.
   */
  aloneMs(model: string, cost: number): number | undefined {
    return this.#machine === undefined ? undefined : cost * this.#machine * this.#factor(model);
  }

  /**
   * Time for equal cost, as a multiple of what the latest work took, whichever models did it; 1
   * until anything was finished.
   */
  relative(model: string): number {
    const ms = this.aloneMs(model, this.#doneCost);
    return ms === undefined || this.#doneMs === 0 ? 1 : ms / this.#doneMs;
  }

  #advance(): void {
    const now = this.#now();
    if (this.#running > 0) this.#sharedMs += (now - this.#since) / this.#running;
    this.#since = now;
  }

  #factor(model: string): number {
    const known = this.#models.get(model);
    return known ? 1 + (known.factor - 1) * Math.exp((known.at - this.#now()) / FORGET_MS) : 1;
  }

  #learn(model: string, cost: number, ms: number): void {
    this.#doneMs = this.#doneMs * DECAY + ms;
    this.#doneCost = this.#doneCost * DECAY + cost;
    const pictures = (this.#models.get(model)?.pictures ?? 0) + 1;
    this.#machine ??= ms / cost;
    const before = this.#factor(model);
    const surprise = Math.min(MAX_SURPRISE, Math.max(1 / MAX_SURPRISE, ms / cost / (this.#machine * before)));
    // What a new model does differently is its own.
    this.#machine *= 1 + (surprise - 1) * MACHINE_SHARE * (1 - 1 / pictures);
    const factor = before * (1 + (surprise - 1) * Math.max(MODEL_SHARE, 1 / (pictures + 1)));
    this.#models.set(model, { factor, pictures, at: this.#now() });
  }
}
