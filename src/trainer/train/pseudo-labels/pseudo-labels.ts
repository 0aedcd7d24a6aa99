/**
 * Ground truth that trained networks make: the mean of their images over the eight symmetries of the square (the geometric
 * self-ensemble of Lim et al., EDSR, CVPR Workshops 2017, section 3.3), which is truer than any one of them and, unlike a photograph,
 * holds nothing that the small picture does not tell. A network that learns it comes near what takes its teacher eight runs.
 */

import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, replaceFile } from '../../../core/atomic-file.ts';
import type { Engine } from '../../../core/engine/engine.ts';
import { badOption, DualscaleError } from '../../../core/errors.ts';
import type { PixelImage } from '../../../core/pixels/image.ts';
import { SYMMETRIES } from '../data/batches.ts';
import type { ImagePyramid } from '../data/dataset.ts';
import { type FloatPicture, toFloat } from '../run/primal-program.ts';
import {
  addTurnedBack,
  backProject,
  enlargeWhole,
  type LabelTeacher,
  type OpenTeacher,
  openTeacher,
  turn,
} from './self-ensemble.ts';

export interface PseudoLabelOptions {
  /** Of the run's scale, at least one; their images are averaged. */
  readonly teachers: readonly LabelTeacher[];
  /** How much of them the ground truth is, above 0 and at most 1; the rest is the photograph. */
  readonly share: number;
}

/** @throws DS_BAD_OPTION naming the option. */
export function checkPseudoLabels({ teachers, share }: PseudoLabelOptions, scale: number, isDegraded: boolean): void {
  if (!(share > 0 && share <= 1)) throw badOption('--pseudo-labels-share', 'a number above 0, at most 1', share);
  const other = teachers.find(({ spec }) => spec.scale !== scale);
  if (other) throw badOption('--pseudo-labels-from', `models of scale ${scale}`, `one of scale ${other.spec.scale}`);
  if (isDegraded) {
    const why = 'left out: this recipe makes its small pictures out of the ground truth, which must be a photograph';
    throw badOption('--pseudo-labels-from', why, 'a recipe with degradation');
  }
}

/** What the teachers make of `lrImage`, the samples of a picture as large as `hrImage`. */
async function labelSamples(
  teachers: readonly OpenTeacher[],
  lrImage: PixelImage,
  { width, height, data: { length } }: PixelImage,
): Promise<Uint8Array> {
  const picture = toFloat(lrImage);
  const mean: FloatPicture = { width, height, data: new Float32Array(length) };
  for (const symmetry of SYMMETRIES) {
    const turned = turn(picture, symmetry);
    for (const teacher of teachers) addTurnedBack(mean, await enlargeWhole(teacher, turned), symmetry);
  }
  const count = SYMMETRIES.length * teachers.length;
  for (let i = 0; i < length; i++) mean.data[i] /= count;
  backProject(mean, lrImage, width / lrImage.width);
  return new Uint8Array(Uint8ClampedArray.from(mean.data, (v) => v * 255).buffer);
}

function mix(hrImage: PixelImage, taught: Uint8Array, share: number): PixelImage {
  const data = Uint8ClampedArray.from(hrImage.data, (v, i) => v + share * (taught[i] - v));
  return { ...hrImage, data: new Uint8Array(data.buffer) };
}

interface TeachHooks {
  /** What an earlier part of the run made is taken from here, and what is made is kept. */
  readonly store?: LabelStore;
  /** Called after each photograph with how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * The same pyramids with another largest level; the smaller ones stay what the photographs give. Takes every teacher eight runs per photograph, once.
 * Throws DS_ABORTED when the signal fires.
 */
export async function makePseudoLabels(
  pyramids: readonly ImagePyramid[],
  { teachers, share }: PseudoLabelOptions,
  engine: Engine,
  { store, onProgress, signal }: TeachHooks = {},
): Promise<ImagePyramid[]> {
  const open: OpenTeacher[] = [];
  const taught: ImagePyramid[] = [];
  try {
    for (const teacher of teachers) open.push(await openTeacher(engine, teacher));
    for (const pyramid of pyramids) {
      if (signal?.aborted) throw new DualscaleError('DS_ABORTED', 'stopped while the ground truth was made');
      const scale = Math.max(...pyramid.keys());
      const hrImage = pyramid.get(scale) as PixelImage;
      const lrImage = pyramid.get(1) as PixelImage;
      const kept = await store?.read(lrImage);
      const target = kept?.length === hrImage.data.length ? kept : await labelSamples(open, lrImage, hrImage);
      if (target !== kept) await store?.write(lrImage, target);
      taught.push(new Map([...pyramid, [scale, mix(hrImage, target, share)]]));
      onProgress?.(taught.length, pyramids.length);
    }
  } finally {
    for (const teacher of open) await teacher.release();
  }
  return taught;
}

export interface LabelStore {
  /** The samples that were written for this small picture, or undefined. */
  read(lrImage: PixelImage): Promise<Buffer | undefined>;
  write(lrImage: PixelImage, data: Uint8Array): Promise<void>;
}

const targetsFolder = (out: string): string => join(out, 'targets');

/** Of everything that decides what the teachers make of a picture. */
function digestTeachers(teachers: readonly LabelTeacher[]): string {
  const hash = createHash('sha256');
  for (const { spec, parameters } of teachers) {
    hash.update(JSON.stringify(spec));
    for (const [name, { data }] of Object.entries(parameters)) {
      hash.update(`\n${name}\n`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }
  return hash.digest('hex');
}

/** @param out folder of the run; made where it is missing. */
export async function openLabelStore(out: string, teachers: readonly LabelTeacher[]): Promise<LabelStore> {
  const folder = targetsFolder(out);
  await mkdir(folder, { recursive: true });
  const teachersDigest = digestTeachers(teachers);
  const pathOf = ({ width, height, data }: PixelImage): string => {
    const name = createHash('sha256').update(`${teachersDigest} ${width}x${height}\n`).update(data).digest('hex');
    return join(folder, `${name}.rgb`);
  };
  return {
    read: (lrImage) => readIfThere(pathOf(lrImage)),
    write: (lrImage, data) => replaceFile(pathOf(lrImage), data),
  };
}

export async function removeLabels(out: string): Promise<void> {
  await rm(targetsFolder(out), { recursive: true, force: true });
}
