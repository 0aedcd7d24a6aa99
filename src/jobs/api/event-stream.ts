/** Events as server-sent events: the same stream as over the socket, for clients behind proxies that know no WebSockets. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventLog } from '../events/event-log.ts';
import { openSubscription } from './subscription.ts';

export interface EventStreamOptions {
  readonly log: EventLog;
  readonly stream: string;
  readonly after: number;
  readonly warn: (message: string) => void;
}

const HEARTBEAT_MS = 15_000;
const STALL_MS = 30_000;
/** Milliseconds after which a browser that was cut off comes again. */
const RETRY_MS = 2000;

export const wantsEventStream = ({ headers }: IncomingMessage): boolean =>
  (headers.accept ?? '').includes('text/event-stream');

/** `Last-Event-ID` of a browser that comes again; undefined when there is none or it is no number. */
export function lastEventId({ headers }: IncomingMessage): number | undefined {
  const text = headers['last-event-id'];
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Answers until the client leaves or `close` is called. */
export function openEventStream(res: ServerResponse, { log, stream, after, warn }: EventStreamOptions): () => void {
  res.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
    'X-Content-Type-Options': 'nosniff',
  });
  res.write(`retry: ${RETRY_MS}\n\n`);
  const heartbeat = setInterval(() => res.write(': \n\n'), HEARTBEAT_MS).unref();
  const subscription = openSubscription({
    log,
    stream,
    after,
    stallMs: STALL_MS,
    sink: {
      send: (text, { id, seq }, done) => {
        res.write(`id: ${stream === '*' ? id : seq}\ndata: ${text}\n\n`, () => done());
      },
    },
    onStall: () => res.destroy(),
    onError: (error) => {
      warn(`events could not be read: ${String(error)}`);
      res.destroy();
    },
  });
  const close = (): void => {
    clearInterval(heartbeat);
    subscription.close();
    if (!res.writableEnded) res.end();
  };
  res.on('close', close);
  return close;
}
