/** Checkpoints: one safetensors file with the state vectors and, in its metadata, where the run stands. Written atomically. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readIfThere, replaceFile } from '../../../core/atomic-file.ts';
import { DualscaleError } from '../../../core/errors.ts';
import { readSafetensors, writeSafetensors } from '../../../core/models/safetensors.ts';
import { initialiseParameters } from '../../../core/network/create-network.ts';
import type { Network } from '../../../core/network/network.ts';
import type { ParameterValues } from '../../../core/network/spec.ts';
import { createRandom } from '../../../core/random.ts';
import type { Objective } from '../step/objective.ts';
import { STATE } from '../step/optimizer.ts';
import { flattenParameters } from '../step/parameter-layout.ts';

export type StateName = (typeof STATE)[number];

export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  /** Running mean of the primal loss, which decides which batches are skipped. */
  readonly usualLoss: number;
  /** What must be equal for the state to make sense: the network and its duals, as JSON. */
  readonly fingerprint: string;
  readonly state: Readonly<Record<StateName, Float32Array>>;
}

/** A kill at any moment leaves the old checkpoint or the new one. */
export async function saveCheckpoint(path: string, { step, usualLoss, fingerprint, state }: Checkpoint): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const tensors = Object.fromEntries(STATE.map((name) => [name, { shape: [state[name].length], data: state[name] }]));
  const bytes = writeSafetensors(tensors, {
    metadata: { step: String(step), usualLoss: String(usualLoss), fingerprint },
  });
  await replaceFile(path, bytes);
}

/** Undefined when there is no checkpoint. Throws DS_BAD_DATA when there is one of another network. */
export async function loadCheckpoint(path: string, fingerprint: string): Promise<Checkpoint | undefined> {
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  const { tensors, metadata } = readSafetensors(bytes);
  if (metadata['fingerprint'] !== fingerprint) {
    throw new DualscaleError(
      'DS_BAD_DATA',
      `expected \`${path}\` to be a checkpoint of ${fingerprint}, got one of ${metadata['fingerprint']}`,
    );
  }
  const state = Object.fromEntries(STATE.map((name) => [name, tensors[name].data])) as Record<StateName, Float32Array>;
  return { step: Number(metadata['step']), usualLoss: Number(metadata['usualLoss']), fingerprint, state };
}

export type TrainPoint = Omit<Checkpoint, 'fingerprint'>;

type Values = Readonly<Record<string, ParameterValues>>;

/**
 * Makes blocks that a shallower network does not have change nothing: their last convolution is zero. So a deeper network
 * begins where the shallower one ended, and not with what random blocks make of it.
 */
function addAsIdentity(
  { residualEnds = [], parameters }: Network,
  taken: ReadonlySet<string>,
): Record<string, ParameterValues> {
  const isTaken = (end: string) => taken.has(`${end}.weight`);
  if (!residualEnds.some(isTaken)) return {};
  const added = residualEnds.filter((end) => !isTaken(end)).flatMap((end) => [`${end}.weight`, `${end}.bias`]);
  const zeros = (shape: readonly number[]) => new Float32Array(shape.reduce((product, size) => product * size, 1));
  return Object.fromEntries(
    parameters
      .filter(({ name }) => added.includes(name))
      .map(({ name, shape }) => [name, { shape, data: zeros(shape) }]),
  );
}

/** Random start (PyTorch's initialisation), overlaid with the given weights where name and shape agree. */
export function startState({ primal, duals, layout }: Objective, seed: number, startFrom: Values = {}): TrainPoint {
  const values: Record<string, ParameterValues> = {};
  for (const network of [primal, ...duals]) {
    Object.assign(values, initialiseParameters(network, createRandom(seed, 0x1417)));
  }
  const fitting = Object.entries(startFrom).filter(([name, { shape }]) => values[name]?.shape.join() === shape.join());
  Object.assign(values, Object.fromEntries(fitting), addAsIdentity(primal, new Set(fitting.map(([name]) => name))));
  const parameters = flattenParameters(layout, values);
  const zeros = () => new Float32Array(parameters.length);
  return {
    step: 0,
    usualLoss: Number.POSITIVE_INFINITY,
    state: { parameters, firstMoment: zeros(), secondMoment: zeros(), average: parameters.slice() },
  };
}
