/** Where a search stands, as one safetensors file, written atomically. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readIfThere, replaceFile } from '../../../core/atomic-file.ts';
import { DualscaleError } from '../../../core/errors.ts';
import { readSafetensors, writeSafetensors } from '../../../core/models/safetensors.ts';
import { STATE } from '../../train/step/optimizer.ts';
import type { TrainState } from '../../train/step/stepper.ts';
import type { Proposal, Reading } from './choose-widths.ts';

/** A choice of widths and how good it was. */
export interface FoundChoice extends Proposal {
  readonly psnrDb: number;
  readonly step: number;
  /** Steps for which the weights were tuned to it. */
  readonly tuned: number;
}

export interface SearchState {
  /** Steps done. */
  readonly step: number;
  /** Primal and dual weights with their optimiser's state. */
  readonly weights: TrainState;
  /** The same for the alphas, all widths' after one another. */
  readonly alphas: TrainState;
  /** Running mean of what each candidate is worth (`SearchedWidth.values`), laid out as the alphas. */
  readonly values: Float32Array;
  /** Weight of the cost relative to the loss; 0 until the first step, and without a budget that the widths share. */
  readonly multiplier: number;
  /** The best choice while the search ran, with its weights as they were. */
  readonly best?: FoundChoice;
  /** After the last step: the choices that were tuned and judged. */
  readonly judged?: readonly FoundChoice[];
}

const PARTS = ['weights', 'alphas'] as const;

/** Of the fingerprint, what is written down and need not be equal: the photographs' digest. */
const RECORDED = 'data';

/** @param fingerprint what must be equal for the state to make sense, as a JSON object. */
export async function saveSearch(path: string, state: SearchState, fingerprint: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const vector = (data: Float32Array) => ({ shape: [data.length], data });
  const tensors = PARTS.flatMap((part) => STATE.map((name) => [`${part}.${name}`, vector(state[part][name])] as const));
  const { step, multiplier, best, judged } = state;
  const bytes = writeSafetensors(
    { ...Object.fromEntries(tensors), values: vector(state.values) },
    { metadata: { fingerprint, point: JSON.stringify({ step, multiplier, best, judged }) } },
  );
  await replaceFile(path, bytes);
}

/** Throws DS_BAD_DATA naming what differs. The photographs, which are recorded too, may. */
function checkFingerprint(path: string, expected: string, found = '{}'): void {
  const [wanted, got] = [expected, found].map((text) => JSON.parse(text) as Readonly<Record<string, unknown>>);
  const names = Object.keys({ ...wanted, ...got }).filter(
    (name) => name !== RECORDED && JSON.stringify(wanted[name]) !== JSON.stringify(got[name]),
  );
  if (names.length === 0) return;
  const list = (of: typeof wanted) => names.map((name) => `${name} ${JSON.stringify(of[name]) ?? 'absent'}`).join(', ');
  const message = `expected \`${path}\` to be a checkpoint of a search with ${list(wanted)}, got one with ${list(got)}`;
  throw new DualscaleError('DS_BAD_DATA', message);
}

/** Undefined when there is no checkpoint. Throws DS_BAD_DATA when it is one of another search. */
export async function loadSearch(path: string, fingerprint: string): Promise<SearchState | undefined> {
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  const { tensors, metadata } = readSafetensors(bytes);
  checkFingerprint(path, fingerprint, metadata['fingerprint']);
  const read = (part: (typeof PARTS)[number]): TrainState =>
    Object.fromEntries(STATE.map((name) => [name, tensors[`${part}.${name}`].data])) as unknown as TrainState;
  // JSON has no NaN, which the PSNR is without held-out photographs.
  const restore = (key: string, value: unknown) => (key === 'psnrDb' ? (value ?? Number.NaN) : value);
  const point = JSON.parse(metadata['point'] ?? '{}', restore) as Pick<
    SearchState,
    'step' | 'multiplier' | 'best' | 'judged'
  >;
  return { ...point, weights: read('weights'), alphas: read('alphas'), values: tensors['values'].data };
}

/** For one prunable width (`prunableWidths`). */
export interface SearchedWidth {
  readonly name: string;
  /** Channels of the full network. */
  readonly full: number;
  /** Ascending; the paper's tables hold some twice. */
  readonly candidates: readonly number[];
  /** One per candidate; softmax gives how much of it takes part. */
  readonly alphas: readonly number[];
  /** What each candidate is worth compared to those of the other widths, by the reading that the choice was made with. */
  readonly values: readonly number[];
  /** The chosen width. */
  readonly width: number;
}

export interface SearchResult {
  readonly reading: Reading;
  /** The chosen widths, in the order of `prunableWidths`: `withWidths(spec, widths)` is the pruned network. */
  readonly widths: readonly number[];
  readonly searched: readonly SearchedWidth[];
  /** In the budget's unit: milliseconds, parameters or multiply-accumulates. Absent for a ratio, which each width meets by itself. */
  readonly predicted?: number;
  /** Of the chosen network with the weights of the search, on held-out photographs; `NaN` without any. */
  readonly psnrDb: number;
}
