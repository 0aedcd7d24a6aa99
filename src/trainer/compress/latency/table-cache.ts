/** Latency tables on disk: measuring one takes a minute, and it holds until machine, engine or network change. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile } from '../../../core/atomic-file.ts';
import { canonicalJson } from '../../../core/models/digest.ts';
import type { NetworkSpec } from '../../../core/network/spec.ts';
import type { LatencyTable } from './latency-table.ts';

/** What a network is timed on, and how. */
export interface LatencySetting {
  readonly engine: string;
  readonly provider: string;
  readonly threads: number;
  /** LR pixels. */
  readonly width: number;
  readonly height: number;
  readonly percentile: number;
}

/** All that a table holds for. */
export interface LatencyConditions extends LatencySetting {
  /** `describeMachine()`. */
  readonly machine: string;
  readonly spec: NetworkSpec;
  readonly candidates: readonly (readonly number[])[];
  /** What was timed: tables without it are of graphs that no server runs. */
  readonly graph: 'served';
  /** Milliseconds since 1970 after which a stored table is still good enough. */
  readonly notBefore?: number;
}

interface Entry {
  readonly key: string;
  readonly measuredAt: number;
  readonly table: LatencyTable;
}

/** The oldest make room. */
const MAX_ENTRIES = 64;

const isEntry = (value: unknown): value is Entry => {
  const { key, measuredAt, table } = (value ?? {}) as Partial<Entry>;
  const { fullMs, fixedMs, widths } = (table ?? {}) as Partial<LatencyTable>;
  return (
    typeof key === 'string' &&
    typeof measuredAt === 'number' &&
    [fullMs, fixedMs].every(Number.isFinite) &&
    Array.isArray(widths) &&
    widths.every(({ candidates, ms }) => candidates.length === ms.length && ms.every(Number.isFinite))
  );
};

/** What cannot be read counts as not measured yet. */
async function readEntries(path: string): Promise<Entry[]> {
  try {
    const entries: unknown = JSON.parse(await readFile(path, 'utf8'));
    return Array.isArray(entries) ? entries.filter(isEntry) : [];
  } catch {
    return [];
  }
}

/**
 * The stored table for these conditions, or the measured one, which is then stored.
 * @param path of a JSON file that holds tables of any conditions.
 * @param now milliseconds since 1970.
 */
export async function cachedLatencyTable(
  path: string,
  { notBefore = 0, ...conditions }: LatencyConditions,
  measure: () => Promise<LatencyTable>,
  now: () => number,
): Promise<LatencyTable> {
  const key = canonicalJson(conditions);
  const stored = (await readEntries(path)).find((entry) => entry.key === key && entry.measuredAt >= notBefore);
  if (stored) return stored.table;
  const entry: Entry = { key, measuredAt: now(), table: await measure() };
  const others = (await readEntries(path)).filter((other) => other.key !== key);
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, `${JSON.stringify([entry, ...others].slice(0, MAX_ENTRIES), null, 1)}\n`);
  return entry.table;
}
