/** A preset from a JSON file: every number is checked before a day of training starts with it. */
import { badOption, DualscaleError } from '../../core/errors.ts';
import { JsonFields } from '../../core/models/json-fields.ts';
import { isModelId } from '../../core/models/manifest.ts';
import { parseSpec } from '../../core/network/parse-spec.ts';
import type { TrainPreset } from '../presets/presets.ts';
import { checkRecipe } from './check-recipe.ts';
import type { Augmentation } from './data/augmentation.ts';
import type { DegradationRecipe } from './data/degradation-recipe.ts';
import { LEARNERS, type Learner, type Schedule, type Stage } from './run/schedule.ts';
import type { BatchShape } from './step/objective.ts';
import { OPTIMIZERS, type OptimizerName } from './step/optimizer.ts';
import type { TrainRecipe } from './train-model.ts';

const MAX_STEPS = 1e9;
/** The manifest describes them in one line. */
const MAX_STAGES = 8;
/** All of them are held in memory. */
const MAX_COPIES = 8;

/** Reads a number where there is one; absent ones keep the trainer's default. */
function optional<Name extends string>(
  value: unknown,
  name: Name,
  read: (name: Name) => number,
): Partial<Record<Name, number>> {
  const present = (value as Readonly<Record<string, unknown>>)[name] !== undefined;
  return present ? ({ [name]: read(name) } as Record<Name, number>) : {};
}

function parseSchedule(value: unknown): Schedule {
  const names = ['steps', 'learningRate', 'warmupSteps', 'finalLearningRate'];
  const fields = new JsonFields(value, 'recipe.schedule', names);
  return {
    steps: fields.integer('steps', 1, MAX_STEPS),
    learningRate: fields.number('learningRate', 0, 1),
    ...optional(value, 'warmupSteps', (name) => fields.integer(name, 0, MAX_STEPS)),
    ...optional(value, 'finalLearningRate', (name) => fields.number(name, 0, 1)),
  };
}

function parseShape(fields: JsonFields): BatchShape {
  return { batchSize: fields.integer('batchSize', 1, 4096), lrPatchSize: fields.integer('lrPatchSize', 4, 1024) };
}

function parseStage(value: unknown, path: string): Stage {
  const fields = new JsonFields(value, path, ['fromShare', 'batchSize', 'lrPatchSize', 'learns', 'learningRate']);
  const learns = fields.raw('learns') as Learner | undefined;
  if (learns !== undefined && !LEARNERS.includes(learns)) {
    throw badOption(`${path}.learns`, LEARNERS.join(' or '), String(learns));
  }
  return {
    fromShare: fields.number('fromShare', 0, 1),
    ...parseShape(fields),
    learns: learns || undefined,
    ...optional(value, 'learningRate', (name) => fields.number(name, 0, 1)),
  };
}

const RANGES = ['sigma', 'anisotropicSigma', 'noiseSigma', 'jpegQuality'] as const;
const SHARES = ['anisotropicShare', 'clearShare', 'disturbance', 'noiseShare', 'jpegShare', 'givenShare'] as const;

function parseDegradation(value: unknown): DegradationRecipe {
  const fields = new JsonFields(value, 'recipe.degradation', [...RANGES, ...SHARES]);
  const range = (name: (typeof RANGES)[number]) => {
    const [low, high, ...rest] = fields.list(
      name,
      (item, path) => new JsonFields({ item }, path, ['item']).number('item', 0, 100),
      2,
    );
    if (low === undefined || high === undefined || rest.length > 0) {
      throw badOption(`recipe.degradation.${name}`, 'a list of two numbers', fields.raw(name));
    }
    return [name, [low, high]] as const;
  };
  return {
    ...Object.fromEntries(RANGES.map(range)),
    ...Object.fromEntries(SHARES.map((name) => [name, fields.number(name, 0, 1)])),
  } as unknown as DegradationRecipe;
}

function parseAugmentation(value: unknown): Augmentation {
  const fields = new JsonFields(value, 'recipe.augmentation', ['channelShuffle', 'copies']);
  const scale = (item: unknown, path: string) => new JsonFields({ item }, path, ['item']).number('item', 0, 1);
  return {
    ...optional(value, 'channelShuffle', (name) => fields.number(name, 0, 1)),
    copies: fields.raw('copies') === undefined ? undefined : fields.list('copies', scale, MAX_COPIES),
  };
}

function parseOptimizer(value: unknown): OptimizerName {
  const name = OPTIMIZERS.find((known) => known === value);
  if (!name) throw badOption('recipe.optimizer', OPTIMIZERS.join(' or '), value);
  return name;
}

function parseRecipe(value: unknown): TrainRecipe {
  const needed = ['spec', 'dualWeight', 'schedule', 'seed', 'batchSize', 'lrPatchSize'];
  const names = [
    ...needed,
    'checkpointEvery',
    'validateEvery',
    'emaDecay',
    'skipAbove',
    'optimizer',
    'stages',
    'degradation',
    'augmentation',
  ];
  const fields = new JsonFields(value, 'recipe', names);
  const recipe = {
    spec: parseSpec(fields.raw('spec')),
    dualWeight: fields.number('dualWeight', 0, 1000),
    schedule: parseSchedule(fields.raw('schedule')),
    seed: fields.integer('seed', 0),
    ...parseShape(fields),
    checkpointEvery: fields.integer('checkpointEvery', 1, MAX_STEPS),
    validateEvery: fields.integer('validateEvery', 1, MAX_STEPS),
    ...optional(value, 'emaDecay', (name) => fields.number(name, 0, 1)),
    ...optional(value, 'skipAbove', (name) => fields.number(name, 1, 1e9)),
    optimizer: fields.raw('optimizer') === undefined ? undefined : parseOptimizer(fields.raw('optimizer')),
    degradation: fields.raw('degradation') === undefined ? undefined : parseDegradation(fields.raw('degradation')),
    augmentation: fields.raw('augmentation') === undefined ? undefined : parseAugmentation(fields.raw('augmentation')),
    stages: fields.raw('stages') === undefined ? undefined : fields.list('stages', parseStage, MAX_STAGES),
  };
  checkRecipe(recipe);
  return recipe;
}

/**
 * @param value parsed JSON: `{ id, description, recipe }` as in `TrainPreset`.
 * @param where name of the file, for messages.
 * @throws DS_BAD_OPTION naming the field, what was expected and what came; unknown fields are refused.
 */
export function parsePreset(value: unknown, where: string): TrainPreset {
  try {
    const fields = new JsonFields(value, '', ['id', 'description', 'recipe']);
    const id = fields.text('id', 64);
    if (!isModelId(id)) {
      throw new DualscaleError(
        'DS_BAD_OPTION',
        `expected \`id\` to be lower-case words joined by \`-\`, got \`${id}\``,
      );
    }
    return { id, description: fields.text('description'), recipe: parseRecipe(fields.raw('recipe')) };
  } catch (cause) {
    throw new DualscaleError('DS_BAD_OPTION', `${where}: ${(cause as Error).message}`, { cause });
  }
}
