/** Node 23 removed functions of `node:util` that tfjs-node 4.22 calls when it computes (tensorflow/tfjs#8425 is not released). */

const REMOVED = {
  isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
  isArray: (value: unknown): boolean => Array.isArray(value),
};

/** @param util the CommonJS object of `node:util`; what it has is left alone. */
export function restoreUtil(util: Record<string, unknown>): void {
  for (const [name, replacement] of Object.entries(REMOVED)) util[name] ??= replacement;
}
