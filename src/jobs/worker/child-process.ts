/** What both job scripts begin with: they wait for the server's word, end with it, and stop when it asks. */
import type { ChildMessage, ParentMessage } from '../queue/job-message.ts';

export interface ChildChannel {
  /** Resolves when the message has left: a process that ends must wait for that. */
  send(message: ChildMessage): Promise<void>;
  /** Fires when the server asks to stop. */
  readonly signal: AbortSignal;
  /** Resolves when the server says so. */
  readonly go: Promise<void>;
}

/** Must be called before anything else is awaited. */
export function openChildChannel(): ChildChannel {
  const controller = new AbortController();
  // The server is gone: the next one starts this job anew, and two must not write into one folder. No tidy end: a thread may hang.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  // Ctrl-C in the server's terminal reaches this process as well; what becomes of it the server decides.
  process.on('SIGINT', () => {}).on('SIGTERM', () => {});
  const go = new Promise<void>((resolve) => {
    process.on('message', (message: ParentMessage) => {
      if (message.type === 'go') resolve();
      else controller.abort();
    });
  });
  return {
    send: (message) =>
      new Promise((resolve) => {
        if (process.connected && process.send) process.send(message, undefined, undefined, () => resolve());
        else resolve();
      }),
    signal: controller.signal,
    go,
  };
}
