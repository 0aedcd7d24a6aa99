/** A job's log: what its processes do, one line each, for whoever wants to know why it takes so long or ended so. */
import type { ChildMessage } from './job-message.ts';

type Step = Extract<ChildMessage, { type: 'step' }>;
type EventBody = Extract<ChildMessage, { type: 'event' }>['body'];

export interface WorkLogOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Takes a line with its end. */
  readonly write: (line: string) => void;
}

export interface WorkLog {
  say(text: string): void;
  /** What is told to the server, in words; of steps one in ten seconds, the first and the last. */
  tell(message: ChildMessage): void;
}

/** A day of steps is then below a megabyte. */
const STEP_EVERY_MS = 10_000;

function describeStep({ step, steps, numbers: { loss, dualLoss, learningRate, patchesPerSecond } }: Step): string {
  const numbers = [
    ...(loss === undefined ? [] : [`loss ${loss.toFixed(5)}`]),
    ...(dualLoss === undefined ? [] : [`dual loss ${dualLoss.toFixed(5)}`]),
    ...(learningRate === undefined ? [] : [`learning rate ${learningRate.toExponential(2)}`]),
    ...(patchesPerSecond === undefined ? [] : [`${patchesPerSecond.toFixed(1)} patches/s`]),
  ];
  return [`step ${step}/${steps}`, ...numbers].join(', ');
}

function describeEvent(body: EventBody): string {
  switch (body.type) {
    case 'validation':
      return `step ${body.data.step}: PSNR ${body.data.psnrDb.toFixed(2)} dB on held-out pictures`;
    case 'latency':
      return `latency ${body.data.kind}: ${body.data.ms.toFixed(2)} ms of ${body.data.model} at ${body.data.width}x${body.data.height}`;
    case 'note':
      return body.data.level === 'warning' ? `warning: ${body.data.message}` : body.data.message;
  }
}

export function createWorkLog({ now, write }: WorkLogOptions): WorkLog {
  let stepAt = Number.NEGATIVE_INFINITY;
  // In one line whatever it says: a file's name may hold a line end.
  const say = (text: string) => write(`${new Date(now()).toISOString()} ${text.replaceAll(/[\r\n]+/g, ' ')}\n`);
  const tellStep = (message: Step): void => {
    if (now() - stepAt < STEP_EVERY_MS && message.step < message.steps) return;
    stepAt = now();
    say(describeStep(message));
  };
  return {
    say,
    tell(message) {
      switch (message.type) {
        case 'stage':
          stepAt = Number.NEGATIVE_INFINITY;
          say(`stage ${message.stage}${message.steps > 0 ? `, ${message.steps} steps` : ''}`);
          return;
        case 'step':
          tellStep(message);
          return;
        case 'event':
          say(describeEvent(message.body));
          return;
        case 'failed':
          say(`failed: ${message.code}: ${message.message}`);
          return;
        case 'blocked':
          say(`cannot write: ${message.message}`);
          return;
        case 'done':
          return;
      }
    },
  };
}
