/** The server of `dualscale serve` and `npm start`: a folder of photographs, an image host, this plugin, and a page to look at. */
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { badOption } from '../../core/errors.ts';
import { PACKAGE_ROOT } from '../../core/version.ts';
import { createDashboard } from '../../dashboard/dashboard.ts';
import type { Jobs } from '../../jobs/create-jobs.ts';
import { createHealth, type HealthHandler } from '../../server/health.ts';
import type { DualscaleLogger, DualscaleOptions } from '../../server/options.ts';
import { createDualscale, type Dualscale, type PluginJobsOptions } from '../../server/plugin.ts';
import { drain, listen } from './listen.ts';
import { createPageRoutes } from './page-routes.ts';
import { createPhotoHost, isPhotoName, type PhotoHost } from './photo-host.ts';

export interface ServeOptions {
  /** Folder of photographs; PNG, JPEG, WebP and AVIF files directly in it are shown. @default the package's examples/photos */
  readonly imagesDir?: string;
  /** 0 to 65535; 0 takes any free one. @default 8080 */
  readonly port?: number;
  /** Address to listen on. @default '127.0.0.1', which only this machine reaches */
  readonly host?: string;
  readonly dualscale?: DualscaleOptions;
  /** Takes jobs over HTTP below `/dualscale/api`, with the dashboard at `/dualscale/`; needs `dualscale.modelsDir`. @default no jobs */
  readonly jobs?: PluginJobsOptions;
  readonly logger: DualscaleLogger;
}

export interface RunningServer {
  /** e.g. `http://127.0.0.1:8080/`. */
  readonly url: string;
  readonly dualscale: Dualscale;
  /** Takes no new connections, lets open requests end for up to 10 seconds, stops the workers. */
  close(): Promise<void>;
}

async function checkOptions({ imagesDir = join(PACKAGE_ROOT, 'examples', 'photos'), port = 8080 }: ServeOptions) {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw badOption('port', 'an integer from 0 to 65535', port);
  const directory = resolve(imagesDir);
  const stats = await stat(directory).catch(() => undefined);
  if (!stats?.isDirectory()) throw badOption('imagesDir', 'a folder', directory);
  return { directory, port };
}

interface AppParts {
  readonly dualscale: Dualscale;
  readonly photoHost: PhotoHost;
  readonly directory: string;
  readonly health: HealthHandler;
  readonly jobs: Jobs | undefined;
  readonly logger: DualscaleLogger;
}

function createApp({ dualscale, photoHost, directory, health, jobs, logger }: AppParts): Express {
  const app = express().disable('x-powered-by');
  // Health is answered before anything that may wait or fail.
  app.get('/livez', health);
  app.get('/readyz', health);
  app.get('/metrics', async (_req, res) => {
    res.type(dualscale.registry.contentType).send(await dualscale.registry.metrics());
  });
  if (jobs) app.use(jobs.handler, createDashboard());
  const photos = [dualscale.middleware(), photoHost.handler];
  app.use('/photos', ...photos);
  app.use(createPageRoutes({ directory, scales: dualscale.scales }));
  // Users also try the bare name: /rocket.jpg?upscale=4.
  app.get(
    '/:name',
    (req, _res, next) => next(isPhotoName(String(req.params['name'])) ? undefined : 'route'),
    ...photos,
  );
  app.use((_req, res) => void res.status(404).type('text').send('Not found\n'));
  const onError: ErrorRequestHandler = (error, _req, res, next) => {
    const status = Number((error as { status?: unknown }).status);
    const isClientFault = status >= 400 && status < 500;
    if (!isClientFault) logger.error('a request failed', error);
    if (res.headersSent) return next(error);
    res
      .status(isClientFault ? status : 500)
      .set('Cache-Control', 'no-store')
      .type('text');
    res.send(isClientFault ? 'Bad request\n' : 'Internal error\n');
  };
  return app.use(onError);
}

function jobFolders({ samplesDir, dataRoots }: PluginJobsOptions, directory: string) {
  return { samplesDir: samplesDir ?? directory, dataRoots: dataRoots ?? { photos: directory } };
}

/** Resolves when the server answers. Throws DS_BAD_OPTION, what `createDualscale` throws, and Node's error when the port is taken. */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', logger } = options;
  const { directory, port } = await checkOptions(options);
  const dualscale = await createDualscale({ logger, ...options.dualscale });
  let jobs: Jobs | undefined;
  try {
    await dualscale.warmUp();
    const photoHost = await createPhotoHost(directory, (reason) => {
      logger.warn(`ipx cannot be used, photographs are served as plain files: ${reason}`);
    });
    logger.info(`photographs of ${directory}, by ${photoHost.name}`);
    jobs = options.jobs && (await dualscale.jobs({ ...options.jobs, ...jobFolders(options.jobs, directory), host }));
    let isReady = true;
    const health = createHealth(() => isReady);
    const server = createServer(createApp({ dualscale, photoHost, directory, health, jobs, logger }));
    jobs?.attach(server);
    const url = await listen(server, port, host);
    return {
      url,
      dualscale,
      async close() {
        isReady = false;
        // First, because event sockets would hold the server open.
        await jobs?.close();
        await drain(server);
        await dualscale.close();
      },
    };
  } catch (error) {
    await jobs?.close();
    await dualscale.close();
    throw error;
  }
}
