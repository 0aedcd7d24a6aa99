/** What a run's folder belongs to: a resumed run must ask for the same. */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, replaceFile } from '../../../core/atomic-file.ts';
import { badOption } from '../../../core/errors.ts';
import { canonicalJson } from '../../../core/models/digest.ts';
import type { StoredModel } from '../../../core/models/load.ts';
import type { ResolvedSettings } from '../compress-settings.ts';
import { STAGES } from '../progress.ts';
import { readStage } from './stage-store.ts';

/** Where the folder is, what is stored in which way, and how many workers there are may differ. */
const DECISIVE = [
  ...(['budget', 'multiple', 'method', 'effort', 'maxPsnrDropDb', 'seed'] as const),
  ...(['engine', 'provider', 'at', 'validationShare', 'id'] as const),
];

interface RunFile {
  readonly runId: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * The id of the folder's run, or of a new one.
 * @throws DS_BAD_OPTION when there is one that is not to be resumed, or one that was asked for something else.
 */
export async function openRun(settings: ResolvedSettings, base: StoredModel): Promise<string> {
  const path = join(settings.out, 'run.json');
  const bytes = await readIfThere(path);
  const decisive = { base: base.digest, ...Object.fromEntries(DECISIVE.map((name) => [name, settings[name]])) };
  // Options that were refused before the first stage ended are no run.
  if (!bytes || !(await readStage(join(settings.out, 'stages'), STAGES[0]))) {
    await mkdir(settings.out, { recursive: true });
    const run: RunFile = { runId: randomUUID(), settings: decisive };
    await replaceFile(path, `${JSON.stringify(run, null, 1)}\n`);
    return run.runId;
  }
  if (!settings.resume) throw badOption('--out', 'a folder without a run, or --resume to be given', settings.out);
  const run = JSON.parse(bytes.toString()) as RunFile;
  for (const [name, value] of Object.entries(decisive)) {
    const [before, now] = [run.settings[name] ?? null, value].map((item) => canonicalJson(item));
    if (before !== now) throw badOption(name, `${before} as in the run to resume, ${settings.out}`, now);
  }
  return run.runId;
}
