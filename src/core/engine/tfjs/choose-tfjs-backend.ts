/** Which TF.js backend runs the networks on this box. */
import { badOption } from '../../errors.ts';
import type { ChooseProviderOptions } from '../provider.ts';
import type { TfjsBackend } from '../runtime.ts';
import { probeInChild, scriptFor } from '../worker-script.ts';
import { findMissingPackages, hasLoadedTensorflow, TFJS_BACKENDS } from './tfjs-backend.ts';
import type { TfjsProbeReport } from './tfjs-probe.ts';

/**
 * tfjs-node keeps its state in one place for a whole process, without a lock: a second thread that
 * loads it takes the tensors of the first. So one pool of a process may use it, and none when this
 * thread does.
 */
let isTaken = false;

/**
 * Undefined when the caller may use it until it calls `releaseTensorflow`; else the reason why not.
 */
function claimTensorflow(): string | undefined {
  if (hasLoadedTensorflow()) return 'this thread has loaded tfjs-node, which works on one thread of a process';
  if (isTaken) return 'another pool uses tfjs-node, which works on one thread of a process';
  isTaken = true;
  return undefined;
}

export function releaseTensorflow(): void {
  isTaken = false;
}

const NEEDS_NOTHING: TfjsProbeReport = { isLoaded: true, from: '@tensorflow/tfjs' };

async function tryBackend(backend: TfjsBackend, timeoutMs: number): Promise<TfjsProbeReport> {
  if (backend === 'cpu') return NEEDS_NOTHING;
  const missing = findMissingPackages(backend);
  if (missing !== undefined) return { isLoaded: false, reason: missing };
  const conflict = backend === 'tensorflow' ? claimTensorflow() : undefined;
  if (conflict !== undefined) return { isLoaded: false, reason: conflict };
  let report: TfjsProbeReport | undefined;
  const reason = await probeInChild(scriptFor(import.meta.url, 'tfjs-probe'), [backend], {
    timeoutMs,
    onReport: (received: TfjsProbeReport) => {
      report = received;
    },
  });
  if (backend === 'tensorflow' && !report?.isLoaded) releaseTensorflow();
  return report ?? { isLoaded: false, reason };
}

/**
 * `auto` takes the first of `tensorflow`, `wasm` and `cpu` that computes what plain JavaScript
 * does; each is tried in a child process. `tensorflow` is then the caller's until it calls
 * `releaseTensorflow`. Throws DS_BAD_OPTION with the reason when a backend asked for by name does
 * not work here.
 */
export async function chooseTfjsBackend(wanted: string, options: ChooseProviderOptions = {}): Promise<TfjsBackend> {
  const { logger, timeoutMs = 30_000 } = options;
  const candidates = wanted === 'auto' ? TFJS_BACKENDS : TFJS_BACKENDS.filter((backend) => backend === wanted);
  if (candidates.length === 0) {
    throw badOption('provider', `one of auto, ${TFJS_BACKENDS.join(', ')} with the engine tfjs`, wanted);
  }
  const failures: string[] = [];
  for (const backend of candidates) {
    const report = await tryBackend(backend, timeoutMs);
    if (report.isLoaded) {
      const others = failures.length > 0 ? `; ${failures.join('; ')}` : '';
      logger?.info(`engine tfjs on backend ${backend} (${report.from}${others})`);
      return backend;
    }
    failures.push(`${backend}: ${report.reason}`);
  }
  throw badOption('provider', 'a TF.js backend that works here', failures.join('; '));
}
