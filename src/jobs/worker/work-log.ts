/** A job's log: one line for each thing its processes do. It shows why a job takes so long, or why it ended. */
import type { ChildEventBody, ChildMessage, StepMessage } from '../queue/job-spec.ts';

/** A day of steps is then below a megabyte. */
const STEP_EVERY_MS = 10_000;

function describeStep({
  step,
  steps,
  numbers: { loss, dualLoss, learningRate, patchesPerSecond },
}: StepMessage): string {
  const parts = [`step ${step}/${steps}`];
  if (loss !== undefined) parts.push(`loss ${loss.toFixed(5)}`);
  if (dualLoss !== undefined) parts.push(`dual loss ${dualLoss.toFixed(5)}`);
  if (learningRate !== undefined) parts.push(`learning rate ${learningRate.toExponential(2)}`);
  if (patchesPerSecond !== undefined) parts.push(`${patchesPerSecond.toFixed(1)} patches/s`);
  return parts.join(', ');
}

function describeEvent({ type, data }: ChildEventBody): string {
  switch (type) {
    case 'validation':
      return `step ${data.step}: PSNR ${data.psnrDb.toFixed(2)} dB on held-out pictures`;
    case 'latency':
      return `latency ${data.kind}: ${data.ms.toFixed(2)} ms of ${data.model} at ${data.width}x${data.height}`;
    case 'note':
      return data.level === 'warning' ? `warning: ${data.message}` : data.message;
  }
}

export class WorkLog {
  readonly #now: () => number;
  readonly #write: (line: string) => void;
  #stepAt = Number.NEGATIVE_INFINITY;

  /**
   * @param now milliseconds since 1970
   * @param write takes a line with its end
   */
  constructor(now: () => number, write: (line: string) => void) {
    this.#now = now;
    this.#write = write;
  }

  line(text: string): void {
    // One line whatever it says: a file's name may hold a line end.
    this.#write(`${new Date(this.#now()).toISOString()} ${text.replaceAll(/[\r\n]+/g, ' ')}\n`);
  }

  /** A message to the server, in words; of steps the first, one in ten seconds, and the last. */
  message(message: ChildMessage): void {
    switch (message.type) {
      case 'stage':
        this.#stepAt = Number.NEGATIVE_INFINITY;
        this.line(`stage ${message.stage}${message.steps > 0 ? `, ${message.steps} steps` : ''}`);
        return;
      case 'step':
        if (this.#now() - this.#stepAt < STEP_EVERY_MS && message.step < message.steps) return;
        this.#stepAt = this.#now();
        this.line(describeStep(message));
        return;
      case 'event':
        this.line(describeEvent(message.body));
        return;
      case 'failed':
        this.line(`failed: ${message.code}: ${message.message}`);
        return;
      case 'blocked':
        this.line(`cannot write: ${message.message}`);
        return;
      case 'done':
        return;
    }
  }
}
