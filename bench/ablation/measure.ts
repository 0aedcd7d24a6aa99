/** One variant: trained (or taken from its folder), then measured on the test sets. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeRgb } from '../../src/core/codec/decode.ts';
import { createOnnxEngine } from '../../src/core/engine/onnx/onnx-engine.ts';
import { compileServedModel } from '../../src/core/engine/served/served-model.ts';
import { evaluate } from '../../src/core/measure/evaluate.ts';
import { loadModel, type StoredModel } from '../../src/core/models/load.ts';
import { createUpscaler } from '../../src/core/upscale/upscale.ts';
import { readRunLog } from '../../src/trainer/train/run/run-log.ts';
import { logPath, trainRun } from '../../src/trainer/train/run/train-run.ts';
import type { Variant } from './variants.ts';

export interface Outcome {
  readonly name: string;
  readonly seed: number;
  readonly steps: number;
  readonly dualWeight: number;
  /** Of the last validation, on held-out photographs. */
  readonly validationDb: number;
  /** By the name of the test set. */
  readonly psnrDb: Readonly<Record<string, number>>;
}

export interface MeasureOptions {
  readonly out: string;
  readonly data: readonly string[];
  /** Folders of test sets by name. */
  readonly testSets: Readonly<Record<string, string>>;
  readonly unpairedDir: string;
  readonly workers: number;
  readonly log: (message: string) => void;
}

const UNPAIRED_SHARE = 0.3;

async function train({ preset, adapts }: Variant, out: string, options: MeasureOptions): Promise<StoredModel> {
  const { data, workers, unpairedDir, log } = options;
  const from = adapts && join(options.out, adapts.from);
  const start = from && (await loadModel(join(from, `ablation-${adapts.from}`)));
  const { model } = await trainRun({
    preset,
    data,
    out,
    workers,
    resume: true,
    license: 'MIT',
    machine: 'ablation',
    decode: decodeRgb,
    engine: createOnnxEngine({ provider: 'cpu', threads: workers }),
    startFrom: start || undefined,
    unpaired: adapts?.isUnpaired ? { folders: [unpairedDir], share: UNPAIRED_SHARE } : undefined,
    now: Date.now,
    report: (event) => event.type === 'validation' && log(`  step ${event.step}: ${event.psnrDb.toFixed(3)} dB`),
    warn: log,
  });
  return model as StoredModel;
}

async function score(model: StoredModel, testSets: MeasureOptions['testSets']): Promise<Record<string, number>> {
  const served = compileServedModel(model);
  const upscaler = await createUpscaler({ provider: 'cpu' });
  const psnrDb: Record<string, number> = {};
  try {
    for (const [name, dataDir] of Object.entries(testSets)) {
      const enlarge = (lrImage: Parameters<typeof upscaler.upscale>[0]) => upscaler.upscale(lrImage, served);
      psnrDb[name] = (await evaluate({ dataDir, scale: 4, enlarge })).psnrDb;
    }
  } finally {
    await upscaler.close();
  }
  return psnrDb;
}

/** A variant that was measured before is read from its folder. */
export async function measure(variant: Variant, options: MeasureOptions): Promise<Outcome> {
  const out = join(options.out, variant.name);
  const path = join(out, 'outcome.json');
  if (existsSync(path)) return JSON.parse(await readFile(path, 'utf8')) as Outcome;
  options.log(variant.name);
  const model = await train(variant, out, options);
  const { seed, schedule, dualWeight } = variant.preset.recipe;
  const validations = readRunLog(logPath(out)).flatMap((record) => (record.type === 'validation' ? [record] : []));
  const outcome: Outcome = {
    name: variant.name,
    seed,
    steps: schedule.steps,
    dualWeight,
    validationDb: validations.at(-1)?.psnrDb ?? Number.NaN,
    psnrDb: await score(model, options.testSets),
  };
  await writeFile(path, `${JSON.stringify(outcome, null, 2)}\n`);
  return outcome;
}
