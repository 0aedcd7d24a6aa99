/** All streams of events: numbers them, keeps them on disk, tells listeners, and repeats what somebody missed. */

import type { JobEvent, JobEventBody, JobEventType } from './job-event.ts';
import { type Journal, openJournal } from './journal.ts';

export type EventListener = (event: JobEvent, text: string) => void;

export interface EventLog {
  /** Opens a stream and gives what it holds. */
  open(stream: string, path: string): readonly JobEvent[];
  has(stream: string): boolean;
  /** On disk first, then to the listeners. */
  emit(stream: string, body: JobEventBody): JobEvent;
  /** Number of the latest event over all streams. */
  readonly lastId: number;
  lastSeq(stream: string): number;
  /** Texts of at most `limit` events of one stream after `seq`, in order. */
  replay(stream: string, after: number, limit: number): Promise<string[]>;
  /** Texts of at most `limit` events of all streams after `id`, in order. */
  replayAll(after: number, limit: number): Promise<string[]>;
  /** A listener that throws is passed over: what it does not take has happened all the same. */
  listen(listener: EventListener): () => void;
  /** Forgets a stream whose file is gone. */
  drop(stream: string): void;
  close(): void;
}

/** What may be lost in a power cut: the next of its kind says the same better. */
const FLEETING: ReadonlySet<JobEventType> = new Set(['progress', 'note', 'validation', 'latency']);
export const isFleeting = (type: JobEventType): boolean => FLEETING.has(type);

interface Stream {
  readonly journal: Journal;
  /** `id` of each line. */
  readonly ids: number[];
}

/** Where the next events after `after` lie, over all streams and in order. */
function missed(streams: Iterable<Stream>, after: number, limit: number) {
  return [...streams]
    .filter(({ ids }) => (ids.at(-1) ?? 0) > after)
    .flatMap((stream) => {
      const from = stream.ids.findIndex((id) => id > after);
      return stream.ids.slice(from, from + limit).map((id, i) => ({ id, stream, line: from + i + 1 }));
    })
    .sort((a, b) => a.id - b.id)
    .slice(0, limit);
}

export interface EventLogOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told of listeners that throw. */
  readonly warn?: (message: string) => void;
}

export function createEventLog({ now, warn }: EventLogOptions): EventLog {
  const streams = new Map<string, Stream>();
  const listeners = new Set<EventListener>();
  /** Those that have thrown: each is told of once. */
  const broken = new WeakSet<EventListener>();
  let lastId = 0;

  const require = (name: string): Stream => {
    const stream = streams.get(name);
    if (!stream) throw new Error(`there is no stream ${name}`);
    return stream;
  };

  const tell = (event: JobEvent, text: string): void => {
    for (const listener of listeners) {
      try {
        listener(event, text);
      } catch (error) {
        if (broken.has(listener)) continue;
        broken.add(listener);
        warn?.(`a listener failed at event ${event.id} (${event.type} of ${event.job}): ${String(error)}`);
      }
    }
  };

  return {
    open(name, path) {
      const { journal, records } = openJournal<JobEvent>(path);
      streams.set(name, { journal, ids: records.map(({ id }) => id) });
      lastId = Math.max(lastId, records.at(-1)?.id ?? 0);
      return records;
    },
    has: (name) => streams.has(name),
    emit(name, body) {
      const { journal, ids } = require(name);
      const { type, data } = body;
      const place = { v: 1, id: lastId + 1, seq: journal.length + 1, time: new Date(now()).toISOString(), job: name };
      const event = { ...place, type, data } as JobEvent;
      const text = JSON.stringify(event);
      journal.append(text, !isFleeting(type));
      lastId = event.id;
      ids.push(event.id);
      tell(event, text);
      return event;
    },
    get lastId() {
      return lastId;
    },
    lastSeq: (name) => require(name).journal.length,
    replay: (name, after, limit) => require(name).journal.lines(after + 1, limit),
    async replayAll(after, limit) {
      const wanted = missed(streams.values(), after, limit);
      const texts = new Map<number, string>();
      for (const stream of new Set(wanted.map((entry) => entry.stream))) {
        // The lines of one stream among the wanted ones follow each other.
        const own = wanted.filter((entry) => entry.stream === stream);
        const lines = await stream.journal.lines(own[0].line, own.length);
        for (const [i, text] of lines.entries()) texts.set(own[i].id, text);
      }
      return wanted.map(({ id }) => texts.get(id) as string);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    drop(name) {
      require(name).journal.close();
      streams.delete(name);
    },
    close() {
      for (const { journal } of streams.values()) journal.close();
      streams.clear();
    },
  };
}
