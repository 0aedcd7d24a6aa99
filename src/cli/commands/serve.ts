/** `dualscale serve` and `npm start`. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { EngineName, Provider, TfjsBackend } from '../../core/engine/engine.ts';
import { badOption } from '../../core/errors.ts';
import type { DegradationMode } from '../../core/upscale/degradation-hint.ts';
import { closeOnSignal } from '../close-on-signal.ts';
import { consoleLogger } from '../logger.ts';
import { type ModelFlags, modelsRoot } from '../open-models.ts';
import { copyModels } from '../serve/copy-models.ts';
import { startServer } from '../serve/server.ts';

export interface ServeFlags extends ModelFlags {
  readonly images?: string;
  readonly port: number;
  readonly host: string;
  readonly engine: EngineName;
  readonly provider: 'auto' | Provider | TfjsBackend;
  readonly workers?: number;
  readonly degradation?: DegradationMode;
  /** Milliseconds. */
  readonly latencyObjective?: number;
  /** Folder of jobs. */
  readonly jobs?: string;
  /** False with `--no-token`. */
  readonly token: boolean;
  readonly dataRoot?: Readonly<Record<string, string>>;
  readonly sampleTraffic?: boolean;
  readonly sampleAllow?: readonly RegExp[];
  readonly sampleDeny?: readonly RegExp[];
  readonly sampleDays?: number;
  readonly pauseAbove?: number;
}

function requireSampling({ sampleTraffic, sampleAllow, sampleDeny, sampleDays }: ServeFlags): void {
  if (sampleTraffic) return;
  for (const [name, value] of Object.entries({ allow: sampleAllow, deny: sampleDeny, days: sampleDays })) {
    if (value !== undefined) throw badOption(`--sample-${name}`, 'used with --sample-traffic', String(value));
  }
}

function requireJobs({ jobs, token, dataRoot, sampleTraffic, pauseAbove }: ServeFlags): void {
  if (jobs !== undefined) return;
  if (!token) throw badOption('--no-token', 'used with --jobs', 'no --jobs');
  if (dataRoot) throw badOption('--data-root', 'used with --jobs', Object.keys(dataRoot).join(', '));
  if (sampleTraffic) throw badOption('--sample-traffic', 'used with --jobs', sampleTraffic);
  if (pauseAbove !== undefined) throw badOption('--pause-above', 'used with --jobs', pauseAbove);
}

/** What jobs publish must not go into the package. */
async function openModelsDir(flags: ServeFlags): Promise<string> {
  if (flags.jobs === undefined || flags.models !== undefined) return modelsRoot(flags);
  return copyModels(modelsRoot(flags), join(flags.jobs, 'models'));
}

function trafficOptions({ sampleTraffic, sampleAllow, sampleDeny, sampleDays }: ServeFlags) {
  if (!sampleTraffic) return {};
  return { traffic: { allow: sampleAllow, deny: sampleDeny, retentionDays: sampleDays } };
}

interface JobsToken {
  /** Undefined: this machine is served without one. */
  readonly token?: string;
  /** Nobody knows it yet. */
  readonly isNew: boolean;
}

function chooseToken({ token: wantsToken }: ServeFlags): JobsToken {
  const given = process.env['DUALSCALE_TOKEN'];
  // Which of the two was meant nobody can tell, and one of them leaves the door open.
  if (!wantsToken && given !== undefined) throw badOption('--no-token', 'used without DUALSCALE_TOKEN', 'both');
  if (!wantsToken) return { isNew: false };
  return given === undefined ? { token: randomBytes(24).toString('hex'), isNew: true } : { token: given, isNew: false };
}

function jobsOptions(flags: ServeFlags, { token }: JobsToken) {
  const { jobs: dir, dataRoot, pauseAbove } = flags;
  if (dir === undefined) return {};
  return { jobs: { dir, token, dataRoots: dataRoot, ...trafficOptions(flags), pauseAboveLoad: pauseAbove } };
}

/** The page takes the token out of its address, and no browser sends what is behind a `#`. */
function printDashboard(url: string, { token, isNew }: JobsToken): void {
  console.log(`the dashboard is at ${url}dualscale/${isNew ? `#token=${token}` : ''}`);
  if (isNew) console.log('its token is for this run only; DUALSCALE_TOKEN gives one that stays');
}

/** Resolves when the server listens; a first SIGINT or SIGTERM closes it in peace, a second one at once. */
export async function runServe(flags: ServeFlags): Promise<void> {
  const { images, port, host, engine, provider, workers, degradation, latencyObjective } = flags;
  requireJobs(flags);
  requireSampling(flags);
  const token: JobsToken = flags.jobs === undefined ? { isNew: false } : chooseToken(flags);
  const server = await startServer({
    imagesDir: images,
    port,
    host,
    logger: consoleLogger,
    ...jobsOptions(flags, token),
    dualscale: {
      modelsDir: await openModelsDir(flags),
      engine,
      provider,
      workers,
      degradation,
      latencyObjectiveMs: latencyObjective,
    },
  });
  console.log(`dualscale is at ${server.url}`);
  if (flags.jobs !== undefined) printDashboard(server.url, token);
  closeOnSignal(server);
}
