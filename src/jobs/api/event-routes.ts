/** Routes of events: a page of one job's events, and tickets for the WebSocket. */
import { TICKET_SECONDS } from './access.ts';
import type { ApiParts } from './api-parts.ts';
import { requireJob } from './job-routes.ts';
import { type ApiRequest, queryInteger, type Route, sendJson } from './router.ts';

async function sendEvents({ res, params, query }: ApiRequest, parts: ApiParts): Promise<void> {
  const { id } = requireJob(parts, params['id']).record;
  const after = queryInteger(query, 'after', [0, Number.MAX_SAFE_INTEGER]) ?? 0;
  const limit = queryInteger(query, 'limit', [1, 1000]) ?? 500;
  const texts = await parts.log.replay(id, after, limit);
  const events = texts.map((text) => JSON.parse(text) as { readonly seq: number });
  const lastSeq = parts.log.lastSeq(id);
  const last = events.at(-1)?.seq ?? Math.min(after, lastSeq);
  sendJson(res, 200, { events, last, complete: last >= lastSeq });
}

export function eventRoutes(parts: ApiParts): Route[] {
  return [
    { method: 'GET', path: '/jobs/{id}/events', handle: (request) => sendEvents(request, parts) },
    {
      method: 'POST',
      path: '/tickets',
      handle: ({ res }) =>
        sendJson(res, 201, { ticket: parts.access.createTicket(), expiresInSeconds: TICKET_SECONDS }),
    },
  ];
}
