/** How a job's code tells the server what it does. */
import type { ChildMessage } from '../queue/job-message.ts';

export interface ChildReport {
  /** @param steps 0 where nobody knows. */
  stage(stage: string, steps?: number): void;
  step(message: Omit<Extract<ChildMessage, { type: 'step' }>, 'type'>): void;
  event(body: Extract<ChildMessage, { type: 'event' }>['body']): void;
  note(message: string, level?: 'info' | 'warning'): void;
}

export function createChildReport(send: (message: ChildMessage) => void): ChildReport {
  const event: ChildReport['event'] = (body) => send({ type: 'event', body });
  return {
    stage: (stage, steps = 0) => send({ type: 'stage', stage, steps }),
    step: (message) => send({ type: 'step', ...message }),
    event,
    note: (message, level = 'info') => event({ type: 'note', data: { level, message } }),
  };
}
