/** `dualscale inspect PICTURE`: its estimated blur, noise and compression. */
import { writeFile } from 'node:fs/promises';
import { readRgbFile } from '../../core/codec/decode.ts';
import { encode } from '../../core/codec/encode.ts';
import { compileServedModel } from '../../core/engine/served/served-model.ts';
import { badOption } from '../../core/errors.ts';
import type { ModelManifest } from '../../core/models/manifest.ts';
import { createUpscaler } from '../../core/upscale/upscale.ts';
import { describeInspection, type Inspection, inspectPicture } from '../../server/inspect/inspect-picture.ts';
import { kernelImage, kernelSvg, kernelText } from '../draw-kernel.ts';
import { openManifests, openModel } from '../open-models.ts';
import type { EngineFlags } from '../options.ts';
import { printJson, quietLogger } from '../terminal.ts';

interface InspectFlags extends EngineFlags {
  readonly model?: string;
  readonly scale?: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** Throws DS_BAD_OPTION where there is no blind model, and what reading a picture throws. */
export async function runInspect(path: string, flags: InspectFlags): Promise<void> {
  const { engine, provider, out, json } = flags;
  if (out !== undefined && !/\.(svg|png)$/i.test(out)) throw badOption('--out', 'an .svg or .png file', out);
  const model = compileServedModel(await openEstimator(flags), engine);
  const upscaler = await createUpscaler({ engine, provider, logger: quietLogger });
  try {
    const found = await inspectPicture(await readRgbFile(path), { upscaler, model });
    if (out !== undefined) await writeFile(out, await drawKernel(out, found));
    if (json) printJson(describeInspection(found, model));
    else print(path, model.scale, found);
  } finally {
    await upscaler.close();
  }
}

/** The named model, else the blind one with the largest scale. */
async function openEstimator(flags: InspectFlags) {
  const { model: id, scale } = flags;
  const blind = (await openManifests(flags)).filter(({ spec }) => spec.family === 'edge' && spec.code !== undefined);
  const isWanted = (manifest: ModelManifest) =>
    (id === undefined || manifest.id === id) && (scale === undefined || manifest.scale === scale);
  const chosen = blind.filter(isWanted).sort((a, b) => b.scale - a.scale)[0];
  if (chosen) return openModel(chosen.id, undefined, flags);
  const ids = blind.map((manifest) => manifest.id).join(', ') || 'a blind model, but there are none';
  throw badOption(id === undefined ? '--scale' : '--model', `that of ${ids}`, id ?? scale);
}

function drawKernel(path: string, { kernel, estimate }: Inspection): string | Promise<Buffer> {
  if (!/\.svg$/i.test(path)) return encode(kernelImage(kernel), undefined, { format: 'png' });
  const { sigmaX, sigmaY } = estimate;
  return kernelSvg(
    kernel,
    `estimated blur: ${sigmaX.toFixed(2)} x ${sigmaY.toFixed(2)} pixels of the enlarged picture`,
  );
}

function print(path: string, scale: number, { estimate, kernel, consistencyError, dualError }: Inspection): void {
  const { sigmaX, sigmaY, angle, noiseSigma, jpegQuality } = estimate;
  const degrees = Math.round((angle * 180) / Math.PI);
  const isRound = sigmaX - sigmaY < 0.1 * scale;
  const blur = isRound
    ? `sigma ${((sigmaX + sigmaY) / 2).toFixed(2)}`
    : `sigma ${sigmaX.toFixed(2)} along ${degrees} degrees, ${sigmaY.toFixed(2)} across`;
  console.log(`${path}, enlarged x${scale}:`);
  console.log(`  blur         ${blur} pixels of the enlarged picture (${(sigmaX / scale).toFixed(2)} of this one)`);
  console.log(`  noise        sigma ${noiseSigma.toFixed(1)} of 255`);
  console.log(`  JPEG         ${jpegQuality >= 97 ? 'no artefacts' : `quality ${jpegQuality}`}`);
  console.log(
    `  consistency  ${consistencyError.toFixed(2)} of 255: the enlarged picture, degraded as estimated, against this one`,
  );
  if (dualError !== undefined) {
    console.log(`  dual network ${dualError.toFixed(2)} of 255: the same with the model's dual network`);
  }
  console.log(kernelText(kernel));
}
