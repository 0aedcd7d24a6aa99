/** Which folders of photographs a job reads, from what was requested. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobEntry } from '../queue/job-entry.ts';
import type { DataFolders } from '../queue/job-spec.ts';
import { resolveFolder } from './data-folders.ts';
import type { TrafficSampler } from './traffic.ts';
import type { Uploads } from './uploads.ts';

export interface DataSourcesContext {
  readonly dataRoots: Readonly<Record<string, string>>;
  readonly uploads: Uploads;
  readonly traffic: TrafficSampler | undefined;
}

async function isFilled(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch((): string[] => []);
  return names.length > 0;
}

async function filledFolders(directories: readonly string[], kind: 'large' | 'small'): Promise<string[]> {
  const filled: string[] = [];
  for (const directory of directories.map((parent) => join(parent, kind))) {
    if (await isFilled(directory)) filled.push(directory);
  }
  return filled;
}

/** Throws DS_BAD_DATA when a folder is gone. */
export async function openData(
  { record, folder }: JobEntry,
  { dataRoots, uploads, traffic }: DataSourcesContext,
): Promise<DataFolders> {
  const { folders = [], uploads: ids = [], traffic: usesTraffic } = record.request.data;
  const own = ids.map((id) => uploads.directory(id));
  if (usesTraffic && traffic) {
    const snapshot = join(folder.work, 'traffic');
    await traffic.snapshot(snapshot);
    own.push(snapshot);
  }
  const named = await Promise.all(folders.map((name) => resolveFolder(dataRoots, name)));
  return {
    pairs: [...named, ...(await filledFolders(own, 'large'))],
    unpaired: await filledFolders(own, 'small'),
  };
}
