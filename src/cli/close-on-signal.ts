/** A server's end: a first SIGINT or SIGTERM closes it in peace, a second one ends the process. */
import { consoleLogger } from './logger.ts';

export function closeOnSignal(server: { close(): Promise<void> }): void {
  let isClosing = false;
  const close = (): void => {
    if (isClosing) process.exit(1);
    isClosing = true;
    console.error('closing: open requests may end');
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        consoleLogger.error('closing failed', error);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', close).on('SIGTERM', close);
}
