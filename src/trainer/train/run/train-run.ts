/** A training run with everything a person wants of it: checkpoint, log, plot, and a model in the end. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFileSync } from '../../../core/atomic-file.ts';
import { badOption } from '../../../core/errors.ts';
import type { StoredModel } from '../../../core/models/load.ts';
import { createNetwork } from '../../../core/network/create-network.ts';
import type { TrainPreset } from '../../presets/presets.ts';
import { chooseMicroBatchSize } from '../step/micro-batch.ts';
import type { BatchShape } from '../step/objective.ts';
import { checkpointPath, type RunEvent, type TrainOptions, trainModel } from '../train-model.ts';
import { drawLossPlot } from './loss-plot.ts';
import {
  checkDescription,
  describeSettings,
  type PublishRunOptions,
  publishRun,
  type RunSettings,
} from './publish-run.ts';
import { openRunLog, type RunLog, type RunRecord, readRunLog, type StartRecord } from './run-log.ts';
import { planStages } from './schedule.ts';

export const logPath = (out: string): string => join(out, 'log.jsonl');
export const plotPath = (out: string): string => join(out, 'loss.svg');

export interface TrainRunOptions
  extends Omit<TrainOptions, 'recipe' | 'startFrom' | 'teacher' | 'targets' | 'workers' | 'report'>,
    Pick<PublishRunOptions, 'dataNote' | 'license' | 'machine' | 'weights'> {
  readonly preset: TrainPreset;
  /** From 1. */
  readonly workers: number;
  readonly startFrom?: StoredModel;
  readonly teacher?: { readonly model: StoredModel; readonly weight: number };
  readonly targets?: { readonly models: readonly StoredModel[]; readonly share: number };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly report: (event: RunEvent) => void;
  /** Told what changed at a resumption. */
  readonly warn: (message: string) => void;
}

export interface TrainRunResult {
  readonly step: number;
  /** Absent when the signal ended the run before its last step. */
  readonly model?: StoredModel;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

const startsOf = (records: readonly RunRecord[]): StartRecord[] =>
  records.filter((record): record is StartRecord => record.type === 'start');

/** Settings that earlier versions logged by another name. */
const RENAMED = new Map([
  ['taughtBy', 'pseudoLabelsFrom'],
  ['taughtShare', 'pseudoLabelsShare'],
]);

const settingsOf = ({ settings }: StartRecord): StartRecord['settings'] =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [RENAMED.get(name) ?? name, value]));

/** A resumed run may have other settings on purpose, but never unnoticed. */
function warnOfChanges(log: RunLog, warn: (message: string) => void): void {
  const [before, now] = startsOf(log.records).slice(-2);
  if (!now) return;
  const digests = ({ dataDigest, unpairedDigest = '' }: StartRecord) => dataDigest + unpairedDigest;
  if (digests(before) !== digests(now)) warn('resumed with other photographs than before');
  const old = settingsOf(before);
  for (const name of new Set([...Object.keys(old), ...Object.keys(now.settings)])) {
    const current = now.settings[name];
    if (old[name] !== current)
      warn(`resumed with ${name} ${current ?? 'absent'}, before it was ${old[name] ?? 'absent'}`);
  }
}

const nameModel = ({ manifest, digest }: StoredModel): string => `${manifest.id} ${digest.slice(0, 16)}`;

/** A resumed run started from what it started from, whatever is said now. */
function describeOrigin({ startFrom, out }: TrainRunOptions, isResumed: boolean): { startFrom?: string } {
  if (isResumed) {
    const before = startsOf(readRunLog(logPath(out)))[0]?.settings['startFrom'];
    return before === undefined ? {} : { startFrom: String(before) };
  }
  return startFrom ? { startFrom: nameModel(startFrom) } : {};
}

/** Patches per run of the network, by the batches of a stage. */
function createMicroBatchSize({ preset, engine, provider = 'cpu', workers, microBatchSize }: TrainRunOptions) {
  if (typeof microBatchSize === 'function') return microBatchSize;
  const isCut = engine.name === 'onnx' && provider === 'cpu';
  const network = createNetwork(preset.recipe.spec);
  return (shape: BatchShape): number =>
    microBatchSize ?? (isCut ? chooseMicroBatchSize(network, { ...shape, workers }) : shape.batchSize);
}

function resolveSettings(options: TrainRunOptions, isResumed: boolean): RunSettings {
  const { preset, engine, provider = 'cpu', workers, teacher, targets, unpaired } = options;
  const sizes = planStages(preset.recipe).map(createMicroBatchSize(options));
  return {
    workers,
    microBatchSize: sizes.length === 1 ? sizes[0] : sizes.join(', '),
    engine: `${engine.name}/${engine.name === 'tfjs' ? engine.provider : provider}`,
    ...describeOrigin(options, isResumed),
    teacher: teacher ? nameModel(teacher.model) : undefined,
    distillWeight: teacher ? teacher.weight : undefined,
    pseudoLabelsFrom: targets ? targets.models.map(nameModel).join(', ') : undefined,
    pseudoLabelsShare: targets ? targets.share : undefined,
    unpairedShare: unpaired ? unpaired.share : undefined,
  };
}

/** What the manifest would refuse is refused before the training, not after it. */
function checkTexts({ license, dataNote = '' }: TrainRunOptions): void {
  if (license === '' || license.length > 200) throw badOption('--license', 'a text of 1 to 200 characters', license);
  if (dataNote.length > 1000) throw badOption('--data-note', 'a text of at most 1000 characters', dataNote);
}

const toNetwork = ({ manifest, parameters }: StoredModel) => ({ spec: manifest.spec, parameters });

/** Whom the run learns from besides photographs. */
function toTeachers({ teacher, targets }: TrainRunOptions): Pick<TrainOptions, 'teacher' | 'targets'> {
  return {
    teacher: teacher ? { ...toNetwork(teacher.model), weight: teacher.weight } : undefined,
    targets: targets ? { teachers: targets.models.map(toNetwork), share: targets.share } : undefined,
  };
}

/** Passes every event on, and keeps log and plot. */
function createReporter({ preset, out, now, warn, report }: TrainRunOptions, settings: RunSettings) {
  const { id, recipe } = preset;
  const { schedule } = recipe;
  const described = { steps: schedule.steps, ...describeSettings(recipe, settings) };
  let log: RunLog | undefined;
  return (event: RunEvent): void => {
    if (event.type === 'start') {
      // Only now is it known how far the checkpoint goes.
      log = openRunLog({ path: logPath(out), settings: described, now }, event.step);
    }
    log?.report(event);
    if (log && event.type === 'start') warnOfChanges(log, warn);
    if (log && event.type === 'validation') replaceFileSync(plotPath(out), drawLossPlot(id, log.records));
    report(event);
  };
}

/**
 * Trains, logs to `log.jsonl`, draws `loss.svg`, and publishes `<out>/<preset id>` when the last step is done.
 * Throws DS_BAD_OPTION when `out` holds a checkpoint and `resume` is not set, and what `trainModel` and `publishModel` throw.
 */
export async function trainRun(options: TrainRunOptions): Promise<TrainRunResult> {
  const { preset, out, resume, startFrom, teacher: _, targets: __, ...rest } = options;
  checkTexts(options);
  const hasCheckpoint = await exists(checkpointPath(out));
  if (hasCheckpoint && !resume) {
    throw badOption('--out', 'a folder without a checkpoint, or --resume to be given', out);
  }
  const { recipe } = preset;
  const settings = resolveSettings(options, hasCheckpoint);
  checkDescription(describeSettings(recipe, settings));
  const result = await trainModel({
    ...rest,
    out,
    resume,
    recipe,
    ...toTeachers(options),
    microBatchSize: createMicroBatchSize(options),
    startFrom: { ...startFrom?.parameters, ...startFrom?.dualParameters },
    report: createReporter(options, settings),
  });
  // Also when the last validation is long ago, or there was nothing left to do.
  replaceFileSync(plotPath(out), drawLossPlot(preset.id, readRunLog(logPath(out))));
  const { step } = result;
  if (step < recipe.schedule.steps) return { step };
  const { dataNote, license, machine, now, weights = 'float32' } = options;
  const note = dataNote === undefined ? {} : { dataNote };
  const model = await publishRun(out, result, {
    preset,
    settings,
    license,
    machine,
    weights,
    date: new Date(now()),
    ...note,
  });
  return { step, model };
}
