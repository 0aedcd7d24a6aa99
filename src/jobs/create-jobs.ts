/** `createJobs`: joins journal, queue, gate and API. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { describeMachine } from '../core/describe-machine.ts';
import { badOption } from '../core/errors.ts';
import { createAccess } from './api/access.ts';
import { createApiHandler, type JobsHandler } from './api/api-handler.ts';
import type { ApiParts } from './api/api-parts.ts';
import { createEventSocket } from './api/event-socket.ts';
import { countStates } from './api/status-routes.ts';
import { whyNotWritable } from './data/disk-space.ts';
import { sweepUnpublished } from './data/leftovers.ts';
import { createDataOpener } from './data/open-data.ts';
import { createTrafficSampler, type TrafficSampler } from './data/traffic.ts';
import { createUploads } from './data/uploads.ts';
import { createEventLog } from './events/event-log.ts';
import type { JobEvent } from './events/job-event.ts';
import { isLoopback, type JobsOptions, type ResolvedJobsOptions, resolveJobsOptions } from './jobs-options.ts';
import { createJobStore, type JobEntry } from './queue/job-store.ts';
import { createLoadPause } from './queue/load-pause.ts';
import { lockFolder } from './queue/lock-folder.ts';
import { Runner } from './queue/runner.ts';
import { createActivator } from './rollout/activator.ts';
import { mayFallBack } from './rollout/fallback-models.ts';
import { createServingStats } from './rollout/serving-stats.ts';
import { createSwitchWatch } from './rollout/switch-watch.ts';

export interface Jobs {
  /** For Express, Connect, or plain `node:http`: takes what is below the mount path. */
  readonly handler: JobsHandler;
  /**
   * Takes the WebSocket upgrades of `server` to `<mount path>/socket`. Gives the function that ends that. Throws DS_BAD_OPTION when
   * the server listens on more than a loopback address and there is no token.
   */
  attach(server: Server): () => void;
  /** Events of all jobs and of the models, as they happen. Call the result to stop. */
  listen(listener: (event: JobEvent) => void): () => void;
  /** Lets running jobs save a checkpoint, ends their processes, and closes event sockets with 1001. */
  close(): Promise<void>;
}

const EXPIRE_MS = 600_000;

function createSampler(options: ResolvedJobsOptions, now: () => number): TrafficSampler | undefined {
  if (!options.traffic) return undefined;
  const { warn } = options.logger;
  return createTrafficSampler(options.traffic, {
    directory: join(options.dir, 'traffic'),
    now,
    random: Math.random,
    warn,
  });
}

/** What was being received when the server ended. */
function removeUnfinished(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory)) {
    if (name.startsWith('.')) rmSync(join(directory, name), { recursive: true, force: true });
  }
}

function openParts(jobsOptions: JobsOptions) {
  const { dualscale: serving } = jobsOptions;
  const options = resolveJobsOptions(jobsOptions);
  const { dir, logger, token, origins, keepJobs, maxUploadBytes, minFreeBytes, rollback, meter } = options;
  const now = Date.now;
  const monotonic = () => performance.now();
  const machine = describeMachine();
  const uploadsFolder = join(dir, 'uploads');
  removeUnfinished(uploadsFolder);
  const log = createEventLog({ now, warn: logger.warn });
  const store = createJobStore({ directory: join(dir, 'jobs'), log, now, keepJobs, warn: logger.warn });
  const activator = createActivator({ serving, log, path: join(dir, 'models.jsonl'), warn: logger.warn });
  const stats = createServingStats(monotonic);
  const onRollback = (model: string, why: string) =>
    logger.warn(`${model} was replaced by the model before it: ${why}`);
  const watch = createSwitchWatch(rollback, { activator, stats, now, onRollback, warn: logger.warn });
  const uploads = createUploads({ directory: uploadsFolder, maxUploadBytes, minFreeBytes, now });
  const traffic = createSampler(options, now);
  const access = createAccess({ token, origins, now: monotonic });
  const openData = createDataOpener({ dataRoots: options.dataRoots, uploads, traffic });
  const onEnd = ({ view }: JobEntry) => {
    const seconds = view.startedAt === null ? 0 : (now() - Date.parse(view.startedAt)) / 1000;
    meter?.ended(view.type, view.state, seconds);
  };
  const runner = new Runner({ options, serving, activator, openData, machine, now, store, onEnd });
  return { options, serving, log, store, activator, stats, watch, uploads, traffic, access, runner, machine, now };
}

type Parts = ReturnType<typeof openParts>;

/** Everything that happens by itself; gives what ends it. */
function startBackground({ serving, stats, traffic, log, store, runner, options }: Parts): () => void {
  const { meter, pauseAboveLoad } = options;
  const stops = [
    serving.onRequest(stats.recordRequest),
    serving.onEnlargement((enlargement) => {
      stats.record(enlargement);
      const { input, error } = enlargement;
      if (input && error === undefined) traffic?.offer({ bytes: input.bytes, url: input.address ?? '' });
    }),
  ];
  if (traffic) {
    const expire = () => {
      try {
        traffic.expire();
      } catch (error) {
        options.logger.warn(`old pictures of the traffic are not removed: ${String(error)}`);
      }
    };
    expire();
    const timer = setInterval(expire, EXPIRE_MS).unref();
    stops.push(() => clearInterval(timer));
  }
  if (pauseAboveLoad !== undefined) stops.push(createLoadPause({ stats, runner, above: pauseAboveLoad }));
  if (meter) {
    meter.states(countStates({ store }));
    stops.push(
      log.listen((event) => {
        meter.event(event);
        meter.states(countStates({ store }));
      }),
      // Closed, it has no jobs: who opens the folder again counts them.
      () => meter.states(countStates({ store: { list: () => [] } })),
    );
  }
  return () => {
    for (const stop of stops) stop();
  };
}

function requireSafeAddress(server: Server, { token }: ResolvedJobsOptions): void {
  const address = server.address();
  if (token !== undefined || address === null || typeof address === 'string' || isLoopback(address.address)) return;
  throw badOption('token', `given, because the server listens on ${address.address}`, 'nothing');
}

/** Two servers must not write into one folder: the one that was taken for dead gives way. */
function abandon({ runner, log, options }: Parts): void {
  const { dir, logger } = options;
  logger.error(
    `another server has taken over ${dir}: this one gave no sign of life for too long and runs no jobs any more`,
  );
  log.close();
  runner.abandon();
}

/** Otherwise hours of work would end before a closed door. */
function requireWritable(modelsDir: string): void {
  const got = whyNotWritable(modelsDir);
  if (got !== undefined) throw badOption('modelsDir', 'a folder that can be written', got);
}

/**
 * Opens the folder, lets the models serve that served before, goes on with jobs that were interrupted.
 * Throws DS_BAD_OPTION, also when another server uses the folder, and Node's errors when it cannot be written.
 */
export async function createJobs(jobsOptions: JobsOptions): Promise<Jobs> {
  const { dir, modelsDir } = resolveJobsOptions(jobsOptions);
  requireWritable(modelsDir);
  mkdirSync(dir, { recursive: true });
  let parts: Parts | undefined;
  const unlock = await lockFolder(dir, { onLost: () => parts && abandon(parts) });
  try {
    parts = openParts(jobsOptions);
    return await joinJobs(parts, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

async function joinJobs(opened: Parts, unlock: () => void): Promise<Jobs> {
  const { options, access, log, activator, runner, watch } = opened;
  const { mountPath, logger, meter, modelsDir } = options;
  await sweepUnpublished({ modelsDir, now: opened.now, warn: logger.warn });
  await activator.restore();
  opened.serving.restrictFallbackModels((manifest) => mayFallBack(manifest, activator.history()));
  const socket = createEventSocket({
    access,
    log,
    path: `${mountPath}/socket`,
    onClients: (count) => meter?.clients(count),
    warn: logger.warn,
  });
  const handler = createApiHandler({ ...opened, clients: () => socket.clients } satisfies ApiParts);
  const stopBackground = startBackground(opened);
  runner.start();
  return {
    handler,
    attach(server) {
      requireSafeAddress(server, options);
      server.once('listening', () => requireSafeAddress(server, options));
      return socket.attach(server);
    },
    listen: (listener) => log.listen((event) => listener(event)),
    async close() {
      await runner.close();
      stopBackground();
      watch.close();
      socket.close();
      log.close();
      unlock();
    },
  };
}
