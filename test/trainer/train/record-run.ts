import { type RunEvent, type TrainOptions, trainModel } from '../../../src/trainer/train/train-model.ts';

/** Trains, and keeps what was told on the way. */
export async function recordRun(options: Omit<TrainOptions, 'report'> & Partial<Pick<TrainOptions, 'report'>>) {
  const events: RunEvent[] = [];
  const result = await trainModel({
    ...options,
    report(event) {
      events.push(event);
      options.report?.(event);
    },
  });
  const losses = events.flatMap((event) => (event.type === 'step' ? [event.primalLoss] : []));
  return { out: options.out, events, losses, ...result };
}
