/**
 * Calls into a host's code. What it throws, or a promise of it that rejects, ends here and not in a
 * request.
 */

type OnError = (error: unknown) => void;

/**
 * Runs `callback`, reports what it throws or rejects with, and gives its result, or undefined where
 * it threw.
 */
function call<Args extends readonly unknown[], Result>(
  callback: (...args: Args) => Result,
  args: Args,
  onError: OnError,
): Result | undefined {
  try {
    const result = callback(...args);
    if (isThenable(result)) result.then(undefined, onError);
    return result;
  } catch (error) {
    onError(error);
    return undefined;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

/**
 * `callback` as a function that never throws and leaves no unhandled rejection. `onError` must not
 * throw.
 */
export function guard<Args extends readonly unknown[]>(callback: (...args: Args) => unknown, onError: OnError) {
  return (...args: Args): void => void call(callback, args, onError);
}

/** `predicate` that answers false where it throws or gives a promise. `onError` must not throw. */
export function guardPredicate<Args extends readonly unknown[]>(
  predicate: (...args: Args) => unknown,
  onError: OnError,
) {
  return (...args: Args): boolean => {
    const result = call(predicate, args, onError);
    return Boolean(result) && !isThenable(result);
  };
}

/** A plain object with every function in it guarded. `onError` must not throw. */
export function guardMethods<Target extends object>(target: Target, onError: OnError): Target {
  const entries = Object.entries(target).map(([name, value]) => [
    name,
    typeof value === 'function' ? guard(value as () => unknown, onError) : value,
  ]);
  return Object.fromEntries(entries) as Target;
}

export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string, error?: unknown): void;
}

/**
 * A host's logger that never throws. Its first failure is a process warning: there is nowhere else
 * to report it.
 */
export function guardLogger(logger: Logger): Logger {
  let isReported = false;
  const onError = (error: unknown) => {
    if (!isReported) process.emitWarning(`the logger failed: ${String(error)}`, 'DualscaleWarning');
    isReported = true;
  };
  return {
    info: guard((message) => logger.info(message), onError),
    warn: guard((message) => logger.warn(message), onError),
    error: guard((message, error) => logger.error(message, error), onError),
  };
}

/** Listeners of one kind of event. None of them can harm the emitter or the other listeners. */
export class Emitter<Event> {
  readonly #listeners = new Set<(event: Event) => unknown>();
  readonly #onError: OnError;

  /** @param onError must not throw. */
  constructor(onError: OnError) {
    this.#onError = onError;
  }

  /** Call the result to stop. */
  on(listener: (event: Event) => unknown): () => void {
    // A function of its own, so that one that listens twice is called twice and stopped once.
    const own = (event: Event) => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) call(listener, [event], this.#onError);
  }
}
