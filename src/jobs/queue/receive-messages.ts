/** From what a job's process says to events: stages once, steps in moderation, everything else as it is. */
import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import type { JobEventBody } from '../events/job-event.ts';
import type { ProgressMeter } from '../worker/progress-meter.ts';
import type { JobView } from './job.ts';
import type { ChildMessage } from './job-message.ts';

export interface JobTicket {
  readonly onMessage: (message: ChildMessage) => void;
  enter(stage: string, steps?: number): void;
  /** Why it will never succeed; with DS_NO_SPACE, why it cannot go on now. */
  readonly failure: { readonly code: ErrorCode; readonly message: string } | undefined;
}

export interface ReceiveOptions {
  readonly stages: Readonly<Record<string, number>>;
  readonly view: () => JobView;
  readonly meter: ProgressMeter;
  readonly emit: (body: JobEventBody) => void;
}

export function receiveMessages({ stages, view, meter, emit }: ReceiveOptions): JobTicket {
  const names = Object.keys(stages);
  let failure: JobTicket['failure'];

  const enter = (stage: string, steps = 0): void => {
    meter.enter(stage);
    const [index, current] = [names.indexOf(stage), names.indexOf(view().progress.stage ?? '')];
    // A job that goes on enters again the stages it has been through.
    if (index <= current) return;
    emit({ type: 'stage', data: { stage, index, count: names.length, steps } });
  };

  return {
    enter,
    onMessage(message) {
      switch (message.type) {
        case 'stage':
          enter(message.stage, message.steps);
          return;
        case 'step': {
          const data = meter.step(message);
          if (data) emit({ type: 'progress', data });
          return;
        }
        case 'event':
          emit(message.body);
          return;
        case 'failed':
          failure = {
            code: message.code in ERRORS ? (message.code as ErrorCode) : 'DS_JOB_FAILED',
            message: message.message,
          };
          return;
        case 'blocked':
          failure = { code: 'DS_NO_SPACE', message: message.message };
          return;
        case 'done':
          return;
      }
    },
    get failure() {
      return failure;
    },
  };
}
