/** One 128x128 picture to 512x512: our engine, the same network on TF.js, and what people use in Node today. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readRgbFile } from '../src/core/codec/decode.ts';
import { evaluate } from '../src/core/measure/evaluate.ts';
import { baseline } from '../src/core/measure/quality.ts';
import { crop } from '../src/core/pixels/crop.ts';
import { PACKAGE_ROOT } from '../src/core/version.ts';
import type { Benchmark, BenchOptions, Goal, Row } from './benchmark.ts';
import { type Candidate, ourCandidates, peerCandidates } from './inference-candidates.ts';
import { describeModel, openModelUnderTest } from './model-under-test.ts';
import { type Timing, timeInRounds, timingColumns } from './timing.ts';

const SIDE = 128;
const SCALE = 4;
const SLIM = 'esrgan-slim';

interface Score {
  readonly psnrDb: number;
  readonly ssim: number;
}

/** By network. */
async function measureQuality(candidates: readonly Candidate[], dataDir: string, log: BenchOptions['log']) {
  const scores = new Map<string, Score>();
  for (const { network, enlarge } of candidates) {
    if (!enlarge) continue;
    log(`Set5 x4 with ${network}`);
    scores.set(network, await evaluate({ dataDir, scale: SCALE, enlarge }));
  }
  scores.set('bicubic', await evaluate({ dataDir, scale: SCALE, enlarge: baseline('bicubic', SCALE) }));
  return scores;
}

interface Measured {
  readonly timings: ReadonlyMap<Candidate, Timing>;
  readonly scores: ReadonlyMap<string, Score>;
}

/** How many times longer than `candidate` esrgan-slim took in the same run. */
function fasterThanSlim({ timings }: Measured, candidate: Candidate): number {
  const slim = [...timings].find(([{ network }]) => network === SLIM)?.[1] as Timing;
  return slim.medianMs / (timings.get(candidate) as Timing).medianMs;
}

const scoreColumns = (score: Score | undefined): Row => (score ? { 'Set5 dB': score.psnrDb, SSIM: score.ssim } : {});

function tabulate(measured: Measured): Row[] {
  const { timings, scores } = measured;
  const rows: Row[] = [...timings].map(([candidate, timing]) => {
    const { network, way, engine, threads, parameters } = candidate;
    return {
      network,
      way,
      engine,
      threads,
      parameters,
      ...timingColumns(timing),
      'x slim': fasterThanSlim(measured, candidate),
      ...scoreColumns(scores.get(network)),
    };
  });
  return scores.has('bicubic') ? [...rows, { network: 'bicubic', ...scoreColumns(scores.get('bicubic')) }] : rows;
}

function findGoals(measured: Measured, network: string, whyNoQuality: string): Goal[] {
  const ours = [...measured.timings.keys()].filter((candidate) => candidate.network === network);
  const speed = ours
    .filter(({ way }) => way !== 'eager')
    .map((candidate) => ({
      name: `times faster than ${SLIM}: ${candidate.way}, threads ${candidate.threads}`,
      wanted: { atLeast: 5 },
      value: fasterThanSlim(measured, candidate),
    }));
  const our = measured.scores.get(network);
  const slim = measured.scores.get(SLIM);
  const quality = { name: `dB above ${SLIM} on Set5 x4`, wanted: { atLeast: 2 } };
  const gain = our && slim ? { value: our.psnrDb - slim.psnrDb } : { reason: whyNoQuality };
  return [...speed, { ...quality, ...gain }];
}

/** Empty when it was measured. */
function whyNoQuality(isTrained: boolean, dataDir: string): string {
  if (!existsSync(dataDir)) return `there is no ${dataDir}; set DUALSCALE_DATA or --data`;
  return isTrained ? '' : 'the model is not trained';
}

export const inference: Benchmark = {
  name: 'inference',
  async run(options) {
    const model = await openModelUnderTest(options);
    const photo = await readRgbFile(join(PACKAGE_ROOT, 'examples', 'photos', 'chelsea.png'));
    const picture = crop(photo, { x: 90, y: 30, width: SIDE, height: SIDE });
    const candidates = [...(await ourCandidates(model, picture)), ...(await peerCandidates(picture))];
    options.log(`timing ${candidates.length} ways to enlarge one picture`);
    const timings = await timeInRounds(candidates, { rounds: 3, runsPerRound: 3 });
    const dataDir = join(options.dataDir, 'test', 'Set5');
    const { id } = model.stored.manifest;
    const measurable = candidates.filter(({ network }) => model.isTrained || network !== id);
    const scores: Measured['scores'] = existsSync(dataDir)
      ? await measureQuality(measurable, dataDir, options.log)
      : new Map();
    for (const candidate of candidates) await candidate.release();
    await model.remove();
    const measured = { timings, scores };
    const reason = whyNoQuality(model.isTrained, dataDir);
    return {
      tables: [{ title: `Inference, ${SIDE}x${SIDE} to x4 (${describeModel(model)})`, rows: tabulate(measured) }],
      goals: findGoals(measured, id, reason),
      notes: [
        '`x slim`: how many times longer UpscalerJS esrgan-slim takes, median by median.',
        'TF.js WASM runs on one thread in Node. PSNR and SSIM: BT.601 Y without rounding, border 4, mean of Set5.',
        ...(reason === '' ? [] : [`Our quality was not measured: ${reason}.`]),
      ],
    };
  },
};
