/** Which ONNX Runtime provider runs the networks on this box. */
import { listSupportedBackends } from 'onnxruntime-node';
import { badOption } from '../errors.ts';
import type { ProbeReport } from './onnx/provider-probe.ts';
import type { Provider } from './runtime.ts';
import { probeInChild, scriptFor } from './worker-script.ts';

export interface ProviderLogger {
  info(message: string): void;
  warn(message: string): void;
}

export interface ChooseProviderOptions {
  readonly logger?: ProviderLogger;
  /** Milliseconds after which a provider that has not answered counts as broken. @default 30000 */
  readonly timeoutMs?: number;
}

/**
 * What `auto` tries besides `cpu`. TensorRT has to be asked for by name: it builds an engine for
 * each new picture size, which takes seconds to minutes in the middle of a request.
 */
const AUTOMATIC: readonly Provider[] = ['cuda', 'webgpu'];

/**
 * How many times faster than the CPU a provider must be: a GPU runs one tile at a time, the CPU one
 * per core.
 */
const MIN_SPEEDUP = 1.5;

/**
 * Runs the probe in a child process, because a broken driver may crash or hang whoever loads it.
 * After a crash the providers that were not reached are tried in a new child.
 */
async function probe(providers: readonly Provider[], timeoutMs: number): Promise<ProbeReport[]> {
  const reports: ProbeReport[] = [];
  for (let rest = providers; rest.length > 0; rest = providers.slice(reports.length)) {
    const failure = await probeInChild(scriptFor(import.meta.url, 'onnx/provider-probe'), rest, {
      timeoutMs,
      onReport: (report: ProbeReport) => reports.push(report),
    });
    const reached = providers[reports.length];
    if (reached) reports.push({ provider: reached, error: failure });
  }
  return reports;
}

function describe(report: ProbeReport): string {
  if ('error' in report) return `${report.provider}: ${report.error}`;
  return `${report.provider}: ${report.milliseconds.toFixed(1)} ms, cpu ${report.cpuMilliseconds.toFixed(1)} ms`;
}

async function chooseAutomatically(timeoutMs: number, logger: ProviderLogger | undefined): Promise<Provider> {
  const available = new Set(listSupportedBackends().map(({ name }) => name));
  const reports = await probe(
    AUTOMATIC.filter((provider) => available.has(provider)),
    timeoutMs,
  );
  // By time and not by name: a software rasteriser (SwiftShader, llvmpipe) calls itself a GPU too.
  let chosen: Provider = 'cpu';
  let best = MIN_SPEEDUP;
  for (const report of reports) {
    if ('error' in report) continue;
    const speedup = report.cpuMilliseconds / report.milliseconds;
    if (speedup >= best) {
      chosen = report.provider;
      best = speedup;
    }
  }
  const tried = reports.length > 0 ? reports.map(describe).join('; ') : 'nothing else is built in';
  logger?.info(`provider ${chosen} chosen (${tried})`);
  return chosen;
}

/**
 * `auto` takes what is fastest on a small network (measured in a child process, with its result
 * compared with the CPU's), `cpu` where nothing else works. Throws DS_BAD_OPTION with the reason
 * when a provider asked for by name does not work here.
 */
export async function chooseProvider(
  wanted: 'auto' | Provider,
  options: ChooseProviderOptions = {},
): Promise<Provider> {
  const { logger, timeoutMs = 30_000 } = options;
  if (wanted === 'auto') return chooseAutomatically(timeoutMs, logger);
  if (wanted === 'cpu') return wanted;
  const names = ['auto', ...listSupportedBackends().map(({ name }) => name)];
  if (!names.includes(wanted)) throw badOption('provider', `one of ${names.join(', ')}`, wanted);
  const [report] = await probe([wanted], timeoutMs);
  if (!report || 'error' in report) {
    throw badOption('provider', 'a provider that works here', `${wanted} (${report?.error})`);
  }
  logger?.info(`provider ${wanted} as asked (${describe(report)})`);
  return wanted;
}
