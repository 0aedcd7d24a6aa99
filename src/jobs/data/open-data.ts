/** Which folders of photographs a job reads, from what was asked for. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { JobEntry } from '../queue/job-store.ts';
import type { DataFolders } from '../queue/work-order.ts';
import { resolveFolder } from './data-folders.ts';
import type { TrafficSampler } from './traffic.ts';
import type { Uploads } from './uploads.ts';

export interface DataParts {
  readonly dataRoots: Readonly<Record<string, string>>;
  readonly uploads: Uploads;
  readonly traffic: TrafficSampler | undefined;
}

/** Gives a function that throws DS_BAD_DATA when a folder is gone. */
export function createDataOpener({ dataRoots, uploads, traffic }: DataParts) {
  return async ({ record, folder }: JobEntry): Promise<DataFolders> => {
    const { folders = [], uploads: ids = [], traffic: isAsked } = record.request.data;
    const own = ids.map((id) => uploads.directory(id));
    if (isAsked && traffic) {
      const snapshot = join(folder.work, 'traffic');
      await traffic.snapshot(snapshot);
      own.push(snapshot);
    }
    const named = await Promise.all(folders.map((name) => resolveFolder(dataRoots, name)));
    const having = (kind: 'large' | 'small') =>
      own.map((directory) => join(directory, kind)).filter((directory) => isFilled(directory));
    return { pairs: [...named, ...having('large')], unpaired: having('small') };
  };
}

function isFilled(directory: string): boolean {
  try {
    return readdirSync(directory).length > 0;
  } catch {
    return false;
  }
}
