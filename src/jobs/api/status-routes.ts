/** Routes about the server itself: its numbers, and the description of this API. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT, VERSION } from '../../core/version.ts';
import { PRESETS } from '../../trainer/presets/presets.ts';
import { freeBytes } from '../data/disk-space.ts';
import { JOB_STATES, type JobState } from '../queue/job.ts';
import type { ApiParts } from './api-parts.ts';
import { type Route, sendJson } from './router.ts';

export function countStates({ store }: { readonly store: Pick<ApiParts['store'], 'list'> }): Record<JobState, number> {
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>;
  for (const { view } of store.list()) counts[view.state] += 1;
  return counts;
}

async function describeStatus(parts: ApiParts) {
  const { options, clients, stats, machine, now } = parts;
  const presets = PRESETS.map(({ id, description, recipe }) => ({ id, description, scale: recipe.spec.scale }));
  return {
    version: VERSION,
    time: new Date(now()).toISOString(),
    jobs: countStates(parts),
    clients: clients(),
    freeBytes: (await freeBytes(options.dir)) ?? null,
    serving: stats.summary(),
    roots: Object.keys(options.dataRoots),
    presets,
    machine,
  };
}

export function statusRoutes(parts: ApiParts): Route[] {
  const openApi = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'docs', 'openapi.json'), 'utf8')) as object;
  const document = { ...openApi, servers: [{ url: parts.options.mountPath }] };
  return [
    { method: 'GET', path: '/openapi.json', isPublic: true, handle: ({ res }) => sendJson(res, 200, document) },
    { method: 'GET', path: '/status', handle: async ({ res }) => sendJson(res, 200, await describeStatus(parts)) },
  ];
}
