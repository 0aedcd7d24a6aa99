/** `dualscale serve` and `npm start`. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { badOption } from '../../core/errors.ts';
import type { DegradationMode } from '../../core/upscale/degradation-hint.ts';
import type { PluginJobsOptions } from '../../server/plugin.ts';
import { copyModels, modelsRoot } from '../open-models.ts';
import type { EngineFlags } from '../options.ts';
import { startServer } from '../serve/server.ts';
import { closeOnSignal, consoleLogger } from '../terminal.ts';

interface ServeFlags extends EngineFlags {
  readonly images?: string;
  readonly port: number;
  readonly host: string;
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

/** Resolves when the server listens. */
export async function runServe(flags: ServeFlags): Promise<void> {
  checkFlags(flags);
  const jobs = flags.jobs === undefined ? undefined : jobsOptions(flags.jobs, flags);
  const server = await startServer({
    imagesDir: flags.images,
    port: flags.port,
    host: flags.host,
    logger: consoleLogger,
    jobs,
    dualscale: {
      modelsDir: await openModelsDir(flags),
      engine: flags.engine,
      provider: flags.provider,
      workers: flags.workers,
      degradation: flags.degradation,
      latencyObjectiveMs: flags.latencyObjective,
    },
  });
  console.log(`dualscale is at ${server.url}`);
  if (jobs) printDashboard(server.url, jobs.token);
  closeOnSignal(server);
}

function checkFlags(flags: ServeFlags): void {
  const { jobs, token, dataRoot, sampleTraffic, sampleAllow, sampleDeny, sampleDays, pauseAbove } = flags;
  const needJobs = 'used with --jobs';
  if (jobs === undefined) {
    if (!token) throw badOption('--no-token', needJobs, 'no --jobs');
    if (dataRoot) throw badOption('--data-root', needJobs, Object.keys(dataRoot).join(', '));
    if (sampleTraffic) throw badOption('--sample-traffic', needJobs, sampleTraffic);
    if (pauseAbove !== undefined) throw badOption('--pause-above', needJobs, pauseAbove);
  }
  if (sampleTraffic) return;
  for (const [name, value] of Object.entries({ allow: sampleAllow, deny: sampleDeny, days: sampleDays })) {
    if (value !== undefined) throw badOption(`--sample-${name}`, 'used with --sample-traffic', String(value));
  }
}

function jobsOptions(dir: string, flags: ServeFlags): PluginJobsOptions {
  const { token, dataRoot, sampleTraffic, sampleAllow, sampleDeny, sampleDays, pauseAbove } = flags;
  const traffic = { allow: sampleAllow, deny: sampleDeny, retentionDays: sampleDays };
  return {
    dir,
    token: chooseToken(token),
    dataRoots: dataRoot,
    traffic: sampleTraffic ? traffic : undefined,
    pauseAboveLoad: pauseAbove,
  };
}

/** Undefined where everyone on this machine may start jobs. */
function chooseToken(isWanted: boolean): string | undefined {
  const given = process.env['DUALSCALE_TOKEN'];
  // Either could be a mistake, and following `--no-token` would leave the door open.
  if (!isWanted && given !== undefined) throw badOption('--no-token', 'used without DUALSCALE_TOKEN', 'both');
  return isWanted ? (given ?? randomBytes(24).toString('hex')) : undefined;
}

/** Models that jobs publish do not belong into the package. */
async function openModelsDir(flags: ServeFlags): Promise<string> {
  if (flags.jobs === undefined || flags.models !== undefined) return modelsRoot(flags);
  return copyModels(modelsRoot(flags), join(flags.jobs, 'models'));
}

/** The token stands behind a `#`, which browsers do not send; the page removes it from the address. */
function printDashboard(url: string, token: string | undefined): void {
  const isNew = token !== undefined && process.env['DUALSCALE_TOKEN'] === undefined;
  console.log(`the dashboard is at ${url}dualscale/${isNew ? `#token=${token}` : ''}`);
  if (isNew) console.log('the token is for this run only; set DUALSCALE_TOKEN for a permanent one');
}
