/** What both job scripts begin with: they wait for the server's word, report to it, end with it, and stop when it asks. */
import type { ChildEventBody, ChildMessage, ParentMessage, StepMessage } from '../queue/job-spec.ts';

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
  // Ctrl-C in the server's terminal reaches this process as well; the server decides what becomes of it.
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

/** How a job's code reports to the server. */
export class JobReporter {
  readonly #send: (message: ChildMessage) => void;

  constructor(send: (message: ChildMessage) => void) {
    this.#send = send;
  }

  /** @param steps 0 where nobody knows. */
  stage(stage: string, steps = 0): void {
    this.#send({ type: 'stage', stage, steps });
  }

  step(step: number, steps: number, numbers: StepMessage['numbers'] = {}): void {
    this.#send({ type: 'step', step, steps, numbers });
  }

  event(body: ChildEventBody): void {
    this.#send({ type: 'event', body });
  }

  note(message: string, level: 'info' | 'warning' = 'info'): void {
    this.event({ type: 'note', data: { level, message } });
  }

  readonly warn = (message: string): void => this.note(message, 'warning');
}
