/** `dualscale inspect PICTURE`: how it was blurred, what noise and compression it has. */
import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { readRgbFile } from '../../core/codec/decode.ts';
import { encode } from '../../core/codec/encode.ts';
import type { EngineName, Provider, TfjsBackend } from '../../core/engine/engine.ts';
import { compileServedModel } from '../../core/engine/served/served-model.ts';
import { badOption } from '../../core/errors.ts';
import type { ModelManifest } from '../../core/models/manifest.ts';
import { createUpscaler } from '../../core/upscale/upscale.ts';
import { describeInspection, type Inspection, inspectPicture } from '../../server/inspect/inspect-picture.ts';
import { kernelImage, kernelSvg, kernelText } from '../draw-kernel.ts';
import { quietLogger } from '../logger.ts';
import { type ModelFlags, openManifests, openModel } from '../open-models.ts';

export interface InspectFlags extends ModelFlags {
  readonly model?: string;
  readonly scale?: number;
  readonly out?: string;
  readonly json?: boolean;
  readonly engine: EngineName;
  readonly provider: 'auto' | Provider | TfjsBackend;
}

const canEstimate = ({ spec }: ModelManifest): boolean => spec.family === 'edge' && spec.code !== undefined;

/** The named model, else the one of the largest scale that can tell. */
async function openEstimator(flags: InspectFlags) {
  const { model: id, scale } = flags;
  const able = (await openManifests(flags)).filter(canEstimate);
  const names = able.map((manifest) => manifest.id).join(', ') || 'a model that can tell, but there is none';
  const chosen = able
    .filter((manifest) => (id === undefined || manifest.id === id) && (scale === undefined || manifest.scale === scale))
    .sort((a, b) => b.scale - a.scale)[0];
  if (!chosen) throw badOption(id === undefined ? '--scale' : '--model', `that of ${names}`, id ?? scale);
  return openModel(chosen.id, undefined, flags);
}

async function draw(path: string, { kernel, estimate }: Inspection): Promise<void> {
  const title = `estimated blur: ${estimate.sigmaX.toFixed(2)} x ${estimate.sigmaY.toFixed(2)} pixels of the enlarged picture`;
  const ending = extname(path).toLowerCase();
  if (ending === '.svg') await writeFile(path, kernelSvg(kernel, title));
  else if (ending === '.png') await writeFile(path, await encode(kernelImage(kernel), undefined, { format: 'png' }));
  else throw badOption('--out', 'a file that ends with .svg or .png', path);
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
  console.log(`  JPEG         ${jpegQuality >= 97 ? 'none seen' : `quality ${jpegQuality}`}`);
  console.log(
    `  consistency  ${consistencyError.toFixed(2)} of 255: the picture against its enlargement, made small as estimated`,
  );
  if (dualError !== undefined)
    console.log(`  dual network ${dualError.toFixed(2)} of 255: the same by what was learnt beside the model`);
  console.log(kernelText(kernel));
}

/** Throws DS_BAD_OPTION where no model can tell, and what reading a picture throws. */
export async function runInspect(path: string, flags: InspectFlags): Promise<void> {
  const { engine, provider, out, json } = flags;
  if (out !== undefined && !/\.(svg|png)$/i.test(out))
    throw badOption('--out', 'a file that ends with .svg or .png', out);
  const model = compileServedModel(await openEstimator(flags), engine);
  const upscaler = await createUpscaler({ engine, provider, logger: quietLogger });
  try {
    const found = await inspectPicture(await readRgbFile(path), { upscaler, model });
    if (out !== undefined) await draw(out, found);
    if (!json) return print(path, model.scale, found);
    console.log(JSON.stringify(describeInspection(found, model), null, 2));
  } finally {
    await upscaler.close();
  }
}
