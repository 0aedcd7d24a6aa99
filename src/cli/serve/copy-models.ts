/** A folder of models that may be written, filled from one that may not. */
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Copies the models that are not there yet; those that are stay as they are. Gives `to`. */
export async function copyModels(from: string, to: string): Promise<string> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const target = join(to, entry.name);
    if (!entry.isDirectory() || (await stat(target).catch(() => undefined))) continue;
    // A name with a dot is passed over by readers: a model is seen whole or not at all.
    const beside = join(to, `.copy-${entry.name}`);
    await rm(beside, { recursive: true, force: true });
    await cp(join(from, entry.name), beside, { recursive: true });
    await rename(beside, target);
  }
  return to;
}
