/** Runs `train_step.py`, where there is a Python with PyTorch. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TrainStepConfig } from '../train-step-case.ts';

export interface TorchReport {
  /** PyTorch's. */
  readonly version: string;
  readonly stepMs: readonly number[];
}

const SCRIPT = fileURLToPath(new URL('./train_step.py', import.meta.url));

/** The first of `pythons` that can import torch. */
export async function findTorch(pythons: readonly string[]): Promise<string | undefined> {
  for (const python of pythons) {
    try {
      await promisify(execFile)(python, ['-c', 'import torch'], { timeout: 60_000 });
      return python;
    } catch {}
  }
  return undefined;
}

export async function torchStep(python: string, config: TrainStepConfig): Promise<TorchReport> {
  const { stdout } = await promisify(execFile)(python, [SCRIPT, JSON.stringify(config)]);
  return JSON.parse(stdout) as TorchReport;
}
