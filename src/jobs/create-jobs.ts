/** `createJobs`: joins journal, queue, rollout and API. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { describeMachine } from '../core/describe-machine.ts';
import { badOption } from '../core/errors.ts';
import { createAccess } from './api/access.ts';
import { createApiHandler, type JobsHandler } from './api/api-handler.ts';
import { dataRoutes } from './api/data-routes.ts';
import { createEventSocket } from './api/event-socket.ts';
import { jobRoutes } from './api/job-routes.ts';
import { modelRoutes } from './api/model-routes.ts';
import { statusRoutes } from './api/status-routes.ts';
import { whyNotWritable } from './data/disk-space.ts';
import { sweepUnpublished } from './data/leftovers.ts';
import { openData } from './data/open-data.ts';
import { TrafficSampler } from './data/traffic.ts';
import { Uploads } from './data/uploads.ts';
import { EventLog } from './events/event-log.ts';
import type { JobEvent } from './events/job-event.ts';
import { isLoopback, type JobsOptions, type ResolvedJobsOptions, resolveJobsOptions } from './jobs-options.ts';
import type { JobEntry } from './queue/job-entry.ts';
import { countStates, JobStore } from './queue/job-store.ts';
import { createLoadPause } from './queue/load-pause.ts';
import { lockFolder } from './queue/lock-folder.ts';
import { JobQueue } from './queue/queue.ts';
import { Activator } from './rollout/activator.ts';
import { mayFallBack } from './rollout/fallback-models.ts';
import { createRollbackWatch } from './rollout/rollback-watch.ts';
import { createServingStats } from './rollout/serving-stats.ts';

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

/** Removes uploads that were being received when the server ended. */
function removeUnfinished(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory)) {
    if (name.startsWith('.')) rmSync(join(directory, name), { recursive: true, force: true });
  }
}

async function openContext(options: ResolvedJobsOptions, serving: JobsOptions['dualscale'], log: EventLog) {
  const { dir, logger, token, origins, keepJobs, maxUploadBytes, minFreeBytes, meter, mountPath } = options;
  const { warn } = logger;
  const now = Date.now;
  const monotonic = () => performance.now();
  const machine = describeMachine();
  const uploadsFolder = join(dir, 'uploads');
  removeUnfinished(uploadsFolder);
  const store = await JobStore.open({ directory: join(dir, 'jobs'), log, now, keepJobs, warn });
  const activator = await Activator.open({ serving, log, path: join(dir, 'models.jsonl'), warn });
  const stats = createServingStats(monotonic);
  const uploads = new Uploads({ directory: uploadsFolder, maxUploadBytes, minFreeBytes, now, warn });
  const traffic = options.traffic
    ? new TrafficSampler(options.traffic, { directory: join(dir, 'traffic'), now, random: Math.random, warn })
    : undefined;
  const queue = new JobQueue({
    options,
    serving,
    activator,
    store,
    machine,
    now,
    openData: ({ record, folder }) => {
      const { dataRoots } = options;
      return openData(record.request.data, join(folder.work, 'traffic'), { dataRoots, uploads, traffic });
    },
    onEnd: ({ view }: JobEntry) => {
      const seconds = view.startedAt === null ? 0 : (now() - Date.parse(view.startedAt)) / 1000;
      meter?.ended(view.type, view.state, seconds);
    },
  });
  const access = createAccess({ token, origins, now: monotonic });
  const socket = createEventSocket({
    access,
    log,
    path: `${mountPath}/socket`,
    onClients: (count) => meter?.clients(count),
    warn,
  });
  return { options, serving, log, store, activator, stats, uploads, traffic, queue, access, socket, machine, now };
}

type JobsContext = Awaited<ReturnType<typeof openContext>>;

/** Everything that happens by itself; gives what ends it. */
function startBackground({ serving, stats, traffic, log, store, queue, options }: JobsContext): () => void {
  const { meter, pauseAboveLoad, logger } = options;
  const stops = [
    serving.onRequest(stats.recordRequest),
    serving.onEnlargement((enlargement) => {
      stats.record(enlargement);
      const { input, error } = enlargement;
      if (input && error === undefined) traffic?.offer({ bytes: input.bytes, url: input.address ?? '' });
    }),
  ];
  if (traffic) {
    const expire = () =>
      void traffic.expire().catch((error: unknown) => {
        logger.warn(`old pictures of the traffic are not removed: ${String(error)}`);
      });
    expire();
    const timer = setInterval(expire, EXPIRE_MS).unref();
    stops.push(() => clearInterval(timer));
  }
  if (pauseAboveLoad !== undefined) stops.push(createLoadPause({ stats, queue, above: pauseAboveLoad }));
  if (meter) {
    meter.states(countStates(store.list()));
    stops.push(
      log.listen((event) => {
        meter.event(event);
        meter.states(countStates(store.list()));
      }),
      // Closed, it has no jobs: the server that opens the folder again counts them.
      () => meter.states(countStates([])),
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

/**
 * Opens the folder, lets the models serve that served before, resumes jobs that were interrupted.
 * Throws DS_BAD_OPTION, also when another server uses the folder, and Node's errors when it cannot be written.
 */
export async function createJobs(jobsOptions: JobsOptions): Promise<Jobs> {
  const options = resolveJobsOptions(jobsOptions);
  const { dir, modelsDir, logger } = options;
  // Otherwise hours of work would end before a closed door.
  const reason = await whyNotWritable(modelsDir);
  if (reason !== undefined) throw badOption('modelsDir', 'a folder that can be written', reason);
  mkdirSync(dir, { recursive: true });
  const log = new EventLog({ now: Date.now, warn: logger.warn });
  let queue: JobQueue | undefined;
  const unlock = await lockFolder(dir, {
    onLost: () => {
      logger.error(
        `another server has taken over ${dir}: this one gave no sign of life for too long and runs no jobs any more`,
      );
      // Two servers must not write into one folder.
      void log.close();
      queue?.abandon();
    },
  });
  try {
    const context = await openContext(options, jobsOptions.dualscale, log);
    queue = context.queue;
    return await start(context, unlock);
  } catch (error) {
    await log.close();
    unlock();
    throw error;
  }
}

async function start(context: JobsContext, unlock: () => void): Promise<Jobs> {
  const { options, serving, activator, access, log, queue, socket, stats, now } = context;
  const { modelsDir, rollback, logger } = options;
  await sweepUnpublished({ modelsDir, now, warn: logger.warn });
  await activator.restore();
  serving.restrictFallbackModels((manifest) => mayFallBack(manifest, activator.history()));
  const watch = createRollbackWatch(rollback, { activator, stats, now, warn: logger.warn });
  const handler = createApiHandler(options, access, [
    ...statusRoutes(context),
    ...jobRoutes(context),
    ...modelRoutes({ ...context, watch }),
    ...dataRoutes(context),
  ]);
  const stopBackground = startBackground(context);
  await queue.start();
  return {
    handler,
    attach(server) {
      requireSafeAddress(server, options);
      server.once('listening', () => requireSafeAddress(server, options));
      return socket.attach(server);
    },
    listen: (listener) => log.listen((event) => listener(event)),
    async close() {
      await queue.close();
      stopBackground();
      watch.close();
      socket.close();
      await log.close();
      unlock();
    },
  };
}
