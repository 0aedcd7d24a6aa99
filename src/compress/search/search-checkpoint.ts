/** Where a search stands, as one safetensors file, written atomically. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DualscaleError } from '../../errors.ts';
import { readSafetensors, writeSafetensors } from '../../model-store/safetensors.ts';
import { readIfThere, writeWhole } from '../../model-store/whole-file.ts';
import { STATE } from '../../train/step/optimizer.ts';
import type { TrainState } from '../../train/step/stepper.ts';
import type { Proposal } from './pick-widths.ts';

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
  /** Price of the cost beside the loss; 0 until the first step, and without a budget that the widths share. */
  readonly multiplier: number;
  /** The best choice while the search ran, with its weights as they were. */
  readonly best?: FoundChoice;
  /** After the last step: the choices that were tuned and judged. */
  readonly judged?: readonly FoundChoice[];
}

const PARTS = ['weights', 'alphas'] as const;

/** @param fingerprint what must be equal for the state to make sense. */
export async function saveSearch(path: string, state: SearchState, fingerprint: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const vector = (data: Float32Array) => ({ shape: [data.length], data });
  const tensors = PARTS.flatMap((part) => STATE.map((name) => [`${part}.${name}`, vector(state[part][name])] as const));
  const { step, multiplier, best, judged } = state;
  const bytes = writeSafetensors(
    { ...Object.fromEntries(tensors), values: vector(state.values) },
    { metadata: { fingerprint, point: JSON.stringify({ step, multiplier, best, judged }) } },
  );
  await writeWhole(path, bytes);
}

/** Undefined when there is no checkpoint. Throws DS_BAD_DATA when it is one of another search. */
export async function loadSearch(path: string, fingerprint: string): Promise<SearchState | undefined> {
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  const { tensors, metadata } = readSafetensors(bytes);
  if (metadata['fingerprint'] !== fingerprint) {
    const message = `expected \`${path}\` to be a checkpoint of the search ${fingerprint}, got one of ${metadata['fingerprint']}`;
    throw new DualscaleError('DS_BAD_DATA', message);
  }
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
