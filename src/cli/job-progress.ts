/** What a person sees of a job that runs on a server. */
import type { JobEvent } from '../jobs/events/job-event.ts';
import { createProgress, type Progress } from './progress.ts';
import { formatDuration } from './train-progress.ts';

export interface JobProgressDisplay {
  /** Gives false when the job has ended. */
  show(event: JobEvent): boolean;
  stop(): void;
}

type ProgressEvent = Extract<JobEvent, { type: 'progress' }>;

const number = (value: number | null, digits: number): string => (value === null ? '-' : value.toFixed(digits));

function describeChecks({ data: { verdict, checks } }: Extract<JobEvent, { type: 'verdict' }>): string[] {
  const lines = checks.map(({ name, passed, value, limit, unit, detail }) => {
    return `  ${passed ? 'ok ' : 'NO '} ${name} ${number(value, 2)} ${unit}, limit ${number(limit, 2)} (${detail})`;
  });
  return [`verdict: ${verdict}`, ...lines];
}

/** One line for what is no progress; undefined for what is not worth one. */
function describe(event: JobEvent): string | undefined {
  switch (event.type) {
    case 'stage':
      return `[${event.data.index + 1}/${event.data.count}] ${event.data.stage}`;
    case 'latency':
      return `latency ${event.data.kind}: ${event.data.ms.toFixed(2)} ms at ${event.data.width}x${event.data.height}`;
    case 'note':
      return event.data.level === 'warning' ? `warning: ${event.data.message}` : event.data.message;
    case 'interrupted':
      return `interrupted: ${event.data.detail}`;
    case 'resumed':
      return `goes on (start ${event.data.attempt})`;
    case 'paused':
      return 'stands still while the server is busy';
    case 'continued':
      return 'goes on';
    case 'verdict':
      return describeChecks(event).join('\n');
    case 'published':
      return `published ${event.data.modelId}`;
    case 'failed':
      return `failed: ${event.data.code}: ${event.data.message}`;
    case 'cancelled':
      return 'cancelled';
    case 'succeeded': {
      const { modelId, activated } = event.data.result;
      if (modelId === null) return 'done: the model was refused';
      return activated ? `done: ${modelId} serves` : `done: ${modelId} can be activated`;
    }
    case 'queued':
    case 'started':
    case 'progress':
    case 'validation':
    case 'activated':
      return undefined;
  }
}

export function createJobProgress(): JobProgressDisplay {
  let progress: Progress | undefined;
  let [shown, psnr] = ['', '-'];
  const stop = () => {
    progress?.stop();
    progress = undefined;
    shown = '';
  };
  const showProgress = ({ data }: ProgressEvent): void => {
    const { stage, step, steps, etaSeconds, loss, ratio } = data;
    const name = `${stage} ${steps}`;
    if (shown !== name) stop();
    shown = name;
    progress ??= createProgress(stage, steps, step);
    const eta = etaSeconds === null ? '' : `| ETA ${formatDuration(etaSeconds)} `;
    const numbers = loss === undefined ? '' : `| loss ${loss.toFixed(5)} | PSNR ${psnr} dB`;
    progress.update(step, `| ${(100 * ratio).toFixed(0)} % ${eta}${numbers}`);
  };
  return {
    stop,
    show(event) {
      if (event.type === 'progress') showProgress(event);
      else if (event.type === 'validation') psnr = event.data.psnrDb.toFixed(2);
      const line = describe(event);
      if (line !== undefined) {
        stop();
        console.error(line);
      }
      return event.type !== 'succeeded' && event.type !== 'failed' && event.type !== 'cancelled';
    },
  };
}
