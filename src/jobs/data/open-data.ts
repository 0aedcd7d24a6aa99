/** Which folders of photographs a job reads, from what was requested. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataSources } from '../queue/job.ts';
import { resolveFolder } from './data-folders.ts';
import type { TrafficSampler } from './traffic.ts';
import type { Uploads } from './uploads.ts';

/** Folders of photographs, absolute. */
export interface DataFolders {
  readonly pairs: readonly string[];
  /** Of pictures too small for pairs. */
  readonly unpaired: readonly string[];
}

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

/** @param snapshot folder for a snapshot of the traffic. Throws DS_BAD_DATA when a folder is gone. */
export async function openData(
  { folders = [], uploads: ids = [], traffic: usesTraffic }: DataSources,
  snapshot: string,
  { dataRoots, uploads, traffic }: DataSourcesContext,
): Promise<DataFolders> {
  const own = ids.map((id) => uploads.directory(id));
  if (usesTraffic && traffic) {
    await traffic.snapshot(snapshot);
    own.push(snapshot);
  }
  const named = await Promise.all(folders.map((name) => resolveFolder(dataRoots, name)));
  return {
    pairs: [...named, ...(await filledFolders(own, 'large'))],
    unpaired: await filledFolders(own, 'small'),
  };
}
