/** Two models side by side: quality on held-out photographs, latency in turns, so that whatever else the machine does meets both. */
import { readFile } from 'node:fs/promises';
import { decodeRgb } from '../../core/codec/decode.ts';
import type { Engine } from '../../core/engine/engine.ts';
import { createOnnxEngine } from '../../core/engine/onnx/onnx-engine.ts';
import { enlargeProgram } from '../../core/engine/served/programs.ts';
import { type ImagePair, measureQuality } from '../../core/measure/quality.ts';
import { loadModel, type StoredModel } from '../../core/models/load.ts';
import { createNetwork } from '../../core/network/create-network.ts';
import { crop } from '../../core/pixels/crop.ts';
import type { PixelImage } from '../../core/pixels/image.ts';
import { imresize } from '../../core/pixels/imresize.ts';
import { degradationOf } from '../../trainer/presets/recipes.ts';
import type { DegradationRecipe } from '../../trainer/train/data/degradation-recipe.ts';
import { degradedMiddle } from '../../trainer/train/data/degrade-patch.ts';
import type { EvaluationSpec } from '../queue/job-spec.ts';
import type { Evaluation, Evaluations } from '../rollout/evaluation.ts';
import { measureLatency } from './measure-latency.ts';

/** LR pixels: more than that of one photograph says little more about the network. */
const MAX_LR_SIDE = 160;
/** Of equal images: JSON has no infinity. */
const PERFECT_DB = 100;

function reducePair(photograph: PixelImage, scale: number): ImagePair {
  const [width, height] = [photograph.width, photograph.height].map((side) =>
    Math.min(MAX_LR_SIDE, Math.floor(side / scale)),
  );
  const x = (photograph.width - width * scale) >> 1;
  const y = (photograph.height - height * scale) >> 1;
  const hrImage = crop(photograph, { x, y, width: width * scale, height: height * scale });
  return { hrImage, lrImage: imresize(hrImage, { scale: 1 / scale }) };
}

const toTensor = ({ width, height, data }: PixelImage) =>
  ({ dtype: 'float32', shape: [1, height, width, 3], data: Float32Array.from(data, (v) => v / 255) }) as const;

/** @param degradation how the pictures are made small that PSNR is measured on: clean reductions without it. */
async function measureModel(
  engine: Engine,
  { manifest, parameters }: StoredModel,
  files: readonly string[],
  degradation: DegradationRecipe | undefined,
) {
  if (files.length === 0) return { psnrDb: null, consistencyDb: null, pictures: 0 };
  const { scale } = manifest;
  const executable = await engine.compile(enlargeProgram(createNetwork(manifest.spec), parameters));
  async function enlarge(lrImage: PixelImage): Promise<PixelImage> {
    const { enlarged } = await executable.run({ image: toTensor(lrImage) });
    const data = new Uint8Array(Uint8ClampedArray.from(enlarged.data as Float32Array, (v) => v * 255).buffer);
    return { width: lrImage.width * scale, height: lrImage.height * scale, channels: 3, data };
  }
  async function* read(toPair: (photograph: PixelImage, number: number) => ImagePair) {
    for (const [number, file] of files.entries()) yield toPair(await decodeRgb(await readFile(file)), number);
  }
  const options = { scale, enlarge, maxScore: PERFECT_DB };
  const clean = await measureQuality(
    read((photograph) => reducePair(photograph, scale)),
    { ...options, metrics: degradation ? (['consistencyDb'] as const) : (['consistencyDb', 'psnrDb'] as const) },
  );
  // Consistency is of the clean reduction in any case: only of that is it known how to make the result small again.
  const hard = degradation
    ? await measureQuality(
        read((photograph, number) =>
          degradedMiddle(photograph, degradation, { scale, maxLrSide: MAX_LR_SIDE, number }),
        ),
        { ...options, metrics: ['psnrDb'] },
      )
    : clean;
  await executable.release();
  return { psnrDb: hard.psnrDb, consistencyDb: clean.consistencyDb, pictures: files.length };
}

/** Throws DS_BAD_MODEL when a model cannot be loaded, DS_ENGINE when it cannot be run. */
export async function evaluate(spec: EvaluationSpec): Promise<Evaluations> {
  const { candidate, active, base = active, validation, threads, provider } = spec;
  const folders = [...new Set([candidate, active, base].filter((folder) => folder !== undefined))];
  const models = await Promise.all(folders.map((folder) => loadModel(folder)));
  const engine = createOnnxEngine({ provider, threads });
  const latencies = await measureLatency(engine, models, spec);
  const evaluations: Evaluation[] = [];
  // All by the pictures that the candidate is for.
  const degradation = degradationOf(models[0].manifest.spec);
  for (const [i, model] of models.entries()) {
    const { id, parameters, macs } = model.manifest;
    const quality = await measureModel(engine, model, validation, degradation);
    evaluations.push({ modelId: id, parameters, macs: macs.for1280x720, ...quality, latency: latencies[i] });
  }
  const of = (folder: string | undefined) => (folder === undefined ? null : evaluations[folders.indexOf(folder)]);
  return { candidate: evaluations[0], active: of(active), base: of(base) };
}
