/** What a person sees of a compression. */
import { type CompressEvent, STAGES } from '../trainer/compress/progress.ts';
import { createProgress, type Progress } from './progress.ts';
import { formatDuration } from './train-progress.ts';

export interface CompressProgress {
  report(event: CompressEvent): void;
  stop(): void;
}

type StepEvent = Extract<CompressEvent, { type: 'step' }>;

function describeStep({ loss, psnrDb, predictedMs, measuredMs, etaSeconds }: StepEvent): string {
  const parts = [
    etaSeconds === undefined ? undefined : `ETA ${formatDuration(etaSeconds)}`,
    loss === undefined ? undefined : `loss ${loss.toFixed(5)}`,
    psnrDb === undefined ? undefined : `PSNR ${psnrDb.toFixed(2)} dB`,
    predictedMs === undefined ? undefined : `predicted ${predictedMs.toFixed(2)} ms`,
    measuredMs === undefined ? undefined : `measured ${measuredMs.toFixed(2)} ms`,
  ];
  return parts.map((part) => (part === undefined ? '' : `| ${part} `)).join('');
}

/** @param now milliseconds of a clock. */
export function createCompressProgress(now: () => number): CompressProgress {
  let progress: Progress | undefined;
  let shown = '';
  const stop = () => {
    progress?.stop();
    progress = undefined;
    shown = '';
  };
  /** The bar of this name, which another one ends. */
  const bar = (name: string, total: number, done: number): Progress => {
    if (shown !== name) stop();
    shown = name;
    progress ??= createProgress(name, total, done, now);
    return progress;
  };
  return {
    stop,
    report(event) {
      if (event.type === 'data') bar('photographs', event.total, 0).update(event.done);
      else if (event.type === 'step') {
        bar(event.stage, event.steps, event.step - 1).update(event.step, describeStep(event));
      } else if (event.type === 'stage') {
        stop();
        const place = `[${event.index + 1}/${STAGES.length}]`;
        console.error(`${place} ${event.stage}${event.resumed ? ': done before' : ''}`);
      } else stop();
    },
  };
}
