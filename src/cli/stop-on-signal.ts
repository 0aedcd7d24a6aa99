/** A first SIGINT or SIGTERM asks for an end, a second one ends the process. */
import { constants } from 'node:os';

export interface StopOnSignal {
  readonly signal: AbortSignal;
  /** 128 + the signal's number, as shells report it; 0 when none came. */
  exitCode(): number;
  remove(): void;
}

/** @param message told to the user when the first signal comes. */
export function stopOnSignal(message: string): StopOnSignal {
  const controller = new AbortController();
  let code = 0;
  const onSignal = (name: 'SIGINT' | 'SIGTERM'): void => {
    code = 128 + constants.signals[name];
    if (controller.signal.aborted) process.exit(code);
    controller.abort();
    console.error(`\n${message}`);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    exitCode: () => code,
    remove: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal),
  };
}
