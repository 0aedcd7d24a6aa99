/** How long a network takes as a sum over its widths, measured on networks that differ in them. */

import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile } from '../../../core/atomic-file.ts';
import type { LatencyMeter } from '../../../core/measure/latency.ts';
import { canonicalJson } from '../../../core/models/digest.ts';
import { createNetwork } from '../../../core/network/create-network.ts';
import { type PrunableWidth, prunableWidths, withWidths } from '../../../core/network/prunable.ts';
import type { ConvLayer, NetworkSpec } from '../../../core/network/spec.ts';
import type { CostModel } from '../budget.ts';

export interface WidthTimes {
  readonly name: string;
  /** Ascending, the last one the full width. */
  readonly candidates: readonly number[];
  /** Per candidate, the first one 0: what the network takes longer with it than with the first one. */
  readonly ms: readonly number[];
}

export interface LatencyTable {
  /** Of the whole, uncompressed network. */
  readonly fullMs: number;
  /** Of the network with the first candidate everywhere. */
  readonly fixedMs: number;
  /** In the order of `prunableWidths`. */
  readonly widths: readonly WidthTimes[];
}

/** Widths whose two convolutions are of one kind take equally long. */
function kindOf(width: PrunableWidth, layers: ReadonlyMap<string, ConvLayer>): string {
  const kinds = [width.producer.layer, width.consumer.layer].map((name) => ({ ...layers.get(name), name: '' }));
  return JSON.stringify(kinds);
}

interface Group {
  /** Places in `prunableWidths`. */
  readonly members: number[];
  readonly candidates: readonly number[];
}

function groupWidths(spec: NetworkSpec, candidates: readonly (readonly number[])[]): Group[] {
  const layers = new Map(createNetwork(spec).layers.map((layer) => [layer.name, layer]));
  const groups = new Map<string, Group>();
  for (const [at, width] of prunableWidths(spec).entries()) {
    const key = `${kindOf(width, layers)} ${candidates[at].join()}`;
    const group = groups.get(key) ?? { members: [], candidates: candidates[at] };
    group.members.push(at);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/**
 * For each kind of width and each candidate, the network in which all widths of that kind have it is run beside the
 * uncompressed one: real networks, so that what an engine fuses or reorders between layers is in the times.
 * @param candidates per prunable width, ascending, the full width last.
 */
export async function measureLatencyTable(
  spec: NetworkSpec,
  candidates: readonly (readonly number[])[],
  meter: LatencyMeter,
  signal?: AbortSignal,
): Promise<LatencyTable> {
  const prunable = prunableWidths(spec);
  const full = prunable.map(({ width }) => width);
  const groups = groupWidths(spec, candidates);
  const pruned = groups.flatMap(({ members, candidates: options }) =>
    options.slice(0, -1).map((option) =>
      withWidths(
        spec,
        full.map((width, at) => (members.includes(at) ? option : width)),
      ),
    ),
  );
  const { ratios, fullMs } = await meter.compare(pruned, signal);
  const rest = [...ratios];
  const times: number[][] = new Array(full.length);
  for (const { members, candidates: options } of groups) {
    const own = [...rest.splice(0, options.length - 1), 1];
    const ms = own.map((ratio) => ((ratio - own[0]) * fullMs) / members.length);
    for (const at of members) times[at] = ms;
  }
  const saved = times.reduce((sum, ms) => sum + (ms.at(-1) as number), 0);
  return {
    fullMs,
    fixedMs: fullMs - saved,
    widths: prunable.map(({ name }, at) => ({ name, candidates: candidates[at], ms: times[at] })),
  };
}

/** A width that saves less than this share of a wider one's time is not worth its channels: two measurements differ by as much. */
const SAME_TIME = 0.05;

/** Without candidates that are hardly faster than a wider one: vector units make the time a staircase. */
export function dropDominated(table: LatencyTable): LatencyTable {
  const widths = table.widths.map(({ name, candidates, ms }) => {
    const kept = candidates.flatMap((_, i) => {
      const wider = Math.min(...ms.slice(i + 1));
      return i === 0 || ms[i] < wider * (1 - SAME_TIME) || i === candidates.length - 1 ? [i] : [];
    });
    return { name, candidates: kept.map((i) => candidates[i]), ms: kept.map((i) => ms[i]) };
  });
  return { ...table, widths };
}

export function latencyCosts({ fixedMs, widths }: LatencyTable): CostModel {
  return { unit: 'ms', fixed: fixedMs, costs: widths.map(({ ms }) => ms) };
}

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
