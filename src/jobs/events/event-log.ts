/** All streams of events: numbers them, writes them to disk, tells listeners, and repeats what a client missed. */
import type { JobEvent, JobEventBody, JobEventType } from './job-event.ts';
import { Journal } from './journal.ts';

export type EventListener = (event: JobEvent, text: string) => void;

/** What may be lost in a power cut or on a full disk: the next of its kind says the same better. */
const FLEETING: ReadonlySet<JobEventType> = new Set(['progress', 'note', 'validation', 'latency']);
export const isFleeting = (type: JobEventType): boolean => FLEETING.has(type);

interface Stream {
  readonly journal: Journal;
  /** `id` of each line. */
  readonly ids: number[];
}

interface WaitingEvent {
  readonly stream: string;
  readonly body: JobEventBody;
  readonly resolve: (event: JobEvent) => void;
  readonly reject: (error: unknown) => void;
}

/** Events that go to the disk together. */
const MAX_BATCH = 200;

export interface EventLogOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told of listeners that throw. */
  readonly warn?: (message: string) => void;
}

export class EventLog {
  readonly #options: EventLogOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #listeners = new Set<EventListener>();
  /** Those that have thrown: each is reported once. */
  readonly #broken = new WeakSet<EventListener>();
  #waiting: WaitingEvent[] = [];
  #written: Promise<void> | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  /** Opens a stream and gives what it holds. */
  async open(name: string, path: string): Promise<readonly JobEvent[]> {
    const { journal, records } = await Journal.open<JobEvent>(path);
    this.#streams.set(name, { journal, ids: records.map(({ id }) => id) });
    this.#lastId = Math.max(this.#lastId, records.at(-1)?.id ?? 0);
    return records;
  }

  has(name: string): boolean {
    return this.#streams.has(name);
  }

  /** Resolves when the event is on disk and the listeners were told; throws Node's error when it cannot be written. */
  emit(stream: string, body: JobEventBody): Promise<JobEvent> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ stream, body, resolve, reject });
      this.#written ??= this.#writeWaiting();
    });
  }

  /** In the order of `emit`, over all streams: clients rely on the order of the common numbers. */
  async #writeWaiting(): Promise<void> {
    // The events of one tick go to the disk together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const { stream } = this.#waiting[0];
      const other = this.#waiting.findIndex((entry) => entry.stream !== stream);
      const count = Math.min(other < 0 ? this.#waiting.length : other, MAX_BATCH);
      const batch = this.#waiting.splice(0, count);
      // What a full disk does not take together it may take in part.
      if (!(await this.#tryWrite(batch)) && count > 1) for (const entry of batch) await this.#tryWrite([entry]);
    }
    this.#written = undefined;
  }

  /** Gives false when several events could not be written; of a single one the promise is rejected. */
  async #tryWrite(batch: readonly WaitingEvent[]): Promise<boolean> {
    try {
      const events = await this.#write(
        batch[0].stream,
        batch.map(({ body }) => body),
      );
      for (const [i, { resolve }] of batch.entries()) resolve(events[i]);
      return true;
    } catch (error) {
      if (batch.length === 1) batch[0].reject(error);
      return false;
    }
  }

  async #write(name: string, bodies: readonly JobEventBody[]): Promise<readonly JobEvent[]> {
    if (this.#isClosed) throw new Error('the event log is closed');
    const { journal, ids } = this.#stream(name);
    const time = new Date(this.#options.now()).toISOString();
    const events = bodies.map(({ type, data }, i) => {
      return { v: 1, id: this.#lastId + 1 + i, seq: journal.length + 1 + i, time, job: name, type, data } as JobEvent;
    });
    const texts = events.map((event) => JSON.stringify(event));
    await journal.append(texts, !bodies.every(({ type }) => isFleeting(type)));
    for (const [i, event] of events.entries()) {
      this.#lastId = event.id;
      ids.push(event.id);
      this.#tell(event, texts[i]);
    }
    return events;
  }

  /** Number of the latest event over all streams. */
  get lastId(): number {
    return this.#lastId;
  }

  lastSeq(name: string): number {
    return this.#stream(name).journal.length;
  }

  /** Texts of at most `limit` events of one stream after `seq`, in order. */
  replay(name: string, after: number, limit: number): Promise<string[]> {
    return this.#stream(name).journal.lines(after + 1, limit);
  }

  /** Texts of at most `limit` events of all streams after `id`, in order. */
  async replayAll(after: number, limit: number): Promise<string[]> {
    const missed = this.#missed(after, limit);
    const texts = new Map<number, string>();
    for (const stream of new Set(missed.map((entry) => entry.stream))) {
      // The lines of one stream among the missed ones follow each other.
      const own = missed.filter((entry) => entry.stream === stream);
      const lines = await stream.journal.lines(own[0].line, own.length);
      for (const [i, text] of lines.entries()) texts.set(own[i].id, text);
    }
    return missed.map(({ id }) => texts.get(id) as string);
  }

  /** A listener that throws is passed over: what it does not take has happened all the same. */
  listen(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets a stream whose file is gone. */
  async drop(name: string): Promise<void> {
    const { journal } = this.#stream(name);
    this.#streams.delete(name);
    await journal.close();
  }

  /** Nothing more is written; resolves when what was being written is. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#written;
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const { journal } of streams) await journal.close();
  }

  #stream(name: string): Stream {
    const stream = this.#streams.get(name);
    if (!stream) throw new Error(`there is no stream ${name}`);
    return stream;
  }

  /** Where the next events after `after` lie, over all streams and in order. */
  #missed(after: number, limit: number) {
    return [...this.#streams.values()]
      .filter(({ ids }) => (ids.at(-1) ?? 0) > after)
      .flatMap((stream) => {
        const from = stream.ids.findIndex((id) => id > after);
        return stream.ids.slice(from, from + limit).map((id, i) => ({ id, stream, line: from + i + 1 }));
      })
      .sort((a, b) => a.id - b.id)
      .slice(0, limit);
  }

  #tell(event: JobEvent, text: string): void {
    for (const listener of this.#listeners) {
      try {
        listener(event, text);
      } catch (error) {
        if (this.#broken.has(listener)) continue;
        this.#broken.add(listener);
        this.#options.warn?.(
          `a listener failed at event ${event.id} (${event.type} of ${event.job}): ${String(error)}`,
        );
      }
    }
  }
}
