/** Runs a stage, or reads what it found before. */
import { join } from 'node:path';
import { type Compression, stopIfAsked } from '../compression.ts';
import type { Stage } from '../progress.ts';
import { readStage, type StageResult, writeStage } from './stage-store.ts';

export interface Stages {
  run<Value>(stage: Stage, compute: () => Promise<StageResult<Value>>): Promise<StageResult<Value>>;
  /** Seconds of the stages so far. */
  readonly seconds: Readonly<Partial<Record<Stage, number>>>;
}

export function createStages(compression: Compression): Stages {
  const { settings, hooks, progress } = compression;
  const folder = join(settings.out, 'stages');
  const seconds: Partial<Record<Stage, number>> = {};
  return {
    seconds,
    async run(stage, compute) {
      stopIfAsked(compression);
      const stored = await readStage<Awaited<ReturnType<typeof compute>>['value']>(folder, stage);
      progress.stage(stage, stored !== undefined);
      if (stored) {
        seconds[stage] = stored.seconds;
        return stored;
      }
      const start = hooks.now();
      // Whatever the signal interrupted throws in a way of its own.
      const result = await compute().catch((error: Error) => {
        stopIfAsked(compression);
        throw error;
      });
      const ended = { ...result, seconds: (hooks.now() - start) / 1000 };
      seconds[stage] = ended.seconds;
      await writeStage(folder, stage, ended);
      return ended;
    },
  };
}

/** A stage whose result is plain data. */
export const plain = async <Value>(value: Promise<Value>): Promise<StageResult<Value>> => ({ value: await value });
