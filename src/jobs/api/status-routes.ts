/** Routes about the server itself: its numbers, tickets for the event socket, and the description of this API. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT, VERSION } from '../../core/version.ts';
import { PRESETS } from '../../trainer/presets/presets.ts';
import { freeBytes } from '../data/disk-space.ts';
import type { ResolvedJobsOptions } from '../jobs-options.ts';
import { countStates, type JobStore } from '../queue/job-store.ts';
import type { ServingStats } from '../rollout/serving-stats.ts';
import { type Access, TICKET_SECONDS } from './access.ts';
import type { EventSocket } from './event-socket.ts';
import { type Route, sendJson } from './router.ts';

export interface StatusRoutesContext {
  readonly options: ResolvedJobsOptions;
  readonly access: Access;
  readonly socket: EventSocket;
  readonly store: JobStore;
  readonly stats: ServingStats;
  readonly machine: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function statusRoutes(context: StatusRoutesContext): Route[] {
  const { options, access, socket, store, stats, machine, now } = context;
  const openApi = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'docs', 'openapi.json'), 'utf8')) as object;
  const document = { ...openApi, servers: [{ url: options.mountPath }] };
  const presets = PRESETS.map(({ id, description, recipe }) => ({ id, description, scale: recipe.spec.scale }));
  const describeStatus = async () => ({
    version: VERSION,
    time: new Date(now()).toISOString(),
    jobs: countStates(store.list()),
    clients: socket.clients,
    freeBytes: (await freeBytes(options.dir)) ?? null,
    serving: stats.summary(),
    roots: Object.keys(options.dataRoots),
    presets,
    machine,
  });
  return [
    { method: 'GET', path: '/openapi.json', isPublic: true, handle: ({ res }) => sendJson(res, 200, document) },
    { method: 'GET', path: '/status', handle: async ({ res }) => sendJson(res, 200, await describeStatus()) },
    {
      method: 'POST',
      path: '/tickets',
      handle: ({ res }) => sendJson(res, 201, { ticket: access.createTicket(), expiresInSeconds: TICKET_SECONDS }),
    },
  ];
}
