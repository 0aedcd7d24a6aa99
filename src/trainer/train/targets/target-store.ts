/** What teachers made of photographs, kept in the run's folder until the run is done: a resumed one need not make it again. */
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, replaceFile } from '../../../core/atomic-file.ts';
import type { PixelImage } from '../../../core/pixels/image.ts';
import type { TargetTeacher } from './enlarge-whole.ts';

export interface TargetStore {
  /** The samples that were written for this small picture, or undefined. */
  read(lrImage: PixelImage): Promise<Buffer | undefined>;
  write(lrImage: PixelImage, data: Uint8Array): Promise<void>;
}

const targetsFolder = (out: string): string => join(out, 'targets');

/** Of everything that decides what the teachers make of a picture. */
function digestTeachers(teachers: readonly TargetTeacher[]): string {
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
export async function openTargetStore(out: string, teachers: readonly TargetTeacher[]): Promise<TargetStore> {
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

export async function removeTargets(out: string): Promise<void> {
  await rm(targetsFolder(out), { recursive: true, force: true });
}
