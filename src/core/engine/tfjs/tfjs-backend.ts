/**
 * Loads a TF.js backend into this thread. Its packages are optional: a missing or broken one is a
 * reason to report, never a crash.
 */
import { createRequire } from 'node:module';
import { tf } from '../../tf.ts';
import type { TfjsBackend } from '../runtime.ts';

/** Fastest first. */
export const TFJS_BACKENDS: readonly TfjsBackend[] = ['tensorflow', 'wasm', 'cpu'];

const PACKAGES: Readonly<Record<TfjsBackend, readonly string[]>> = {
  tensorflow: ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'],
  wasm: ['@tensorflow/tfjs-backend-wasm'],
  cpu: [],
};

/** `from`: the package it came from. */
export type LoadedBackend =
  | { readonly isLoaded: true; readonly from: string }
  | { readonly isLoaded: false; readonly reason: string };

const require = createRequire(import.meta.url);

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] as string;
}

/** Makes `backend` the current one. */
export async function loadTfjsBackend(backend: TfjsBackend): Promise<LoadedBackend> {
  if (backend === 'cpu') {
    await tf.setBackend('cpu');
    return { isLoaded: true, from: '@tensorflow/tfjs' };
  }
  if (backend === 'tensorflow') restoreUtil(require('node:util'));
  const reasons: string[] = [];
  for (const name of PACKAGES[backend]) {
    try {
      require(name);
      if (await tf.setBackend(backend)) return { isLoaded: true, from: name };
      reasons.push(`${name}: it loads, but does not initialise`);
    } catch (error) {
      reasons.push(`${name}: ${reasonOf(error)}`);
    }
  }
  return { isLoaded: false, reason: reasons.join('; ') };
}

/**
 * Why none of the backend's packages can be found, or undefined when one is there. Loads nothing.
 */
export function findMissingPackages(backend: TfjsBackend): string | undefined {
  const names = PACKAGES[backend];
  for (const name of names) {
    try {
      require.resolve(name);
      return undefined;
    } catch {
      // The next one will do.
    }
  }
  return names.length === 0 ? undefined : `not installed: ${names.join(', ')}`;
}

/** Whether this thread has loaded tfjs-node, by way of this package or of another. */
export function hasLoadedTensorflow(): boolean {
  return Object.keys(require.cache).some((file) => /[\\/]@tensorflow[\\/]tfjs-node(-gpu)?[\\/]/.test(file));
}

/**
 * Node 23 removed functions of `node:util` that tfjs-node 4.22 calls when it computes
 * (tensorflow/tfjs#8425 is not released).
 */

const REMOVED = {
  isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
  isArray: (value: unknown): boolean => Array.isArray(value),
};

/** @param util the CommonJS object of `node:util`; what it has is left alone. */
export function restoreUtil(util: Record<string, unknown>): void {
  for (const [name, replacement] of Object.entries(REMOVED)) util[name] ??= replacement;
}
