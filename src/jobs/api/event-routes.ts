/** Routes of events: pages for polling, streams where they are asked for, tickets for both. */
import { TICKET_SECONDS } from './access.ts';
import type { ApiParts } from './api-parts.ts';
import { problem } from './api-problem.ts';
import { lastEventId, openEventStream, wantsEventStream } from './event-stream.ts';
import { requireJob } from './job-routes.ts';
import { type ApiRequest, queryInteger, type Route, sendJson } from './router.ts';

/** More would take sockets from the pictures. */
const MAX_STREAMS = 500;

async function sendEvents({ req, res, query }: ApiRequest, stream: string, parts: ApiParts): Promise<void> {
  const { log, clients, trackStream, options } = parts;
  const asked = queryInteger(query, 'after', [0, Number.MAX_SAFE_INTEGER]);
  const limit = queryInteger(query, 'limit', [1, 1000]) ?? 500;
  const lastOf = () => (stream === '*' ? log.lastId : log.lastSeq(stream));
  if (wantsEventStream(req)) {
    if (clients() >= MAX_STREAMS) throw problem('DS_TOO_MANY', 'Too many clients listen.');
    const after = lastEventId(req) ?? asked ?? (stream === '*' ? log.lastId : 0);
    const { warn } = options.logger;
    const untrack = trackStream(openEventStream(res, { log, stream, after, warn }));
    res.on('close', untrack);
    return;
  }
  const after = asked ?? 0;
  const texts = stream === '*' ? await log.replayAll(after, limit) : await log.replay(stream, after, limit);
  const events = texts.map((text) => JSON.parse(text) as { id: number; seq: number });
  const end = events.at(-1);
  const last = end === undefined ? Math.min(after, lastOf()) : stream === '*' ? end.id : end.seq;
  sendJson(res, 200, { events, last, complete: last >= lastOf() });
}

export function eventRoutes(parts: ApiParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/jobs/{id}/events',
      handle: (request) => sendEvents(request, requireJob(parts, request.params['id']).record.id, parts),
    },
    { method: 'GET', path: '/events', handle: (request) => sendEvents(request, '*', parts) },
    {
      method: 'POST',
      path: '/tickets',
      handle: ({ res }) =>
        sendJson(res, 201, { ticket: parts.access.createTicket(), expiresInSeconds: TICKET_SECONDS }),
    },
  ];
}
