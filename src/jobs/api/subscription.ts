/**
 * One client's view of a stream of events: what it missed first, then what happens. Nothing is kept in memory for a slow client:
 * it gets on from the journal when it has read what it got.
 */
import type { EventLog } from '../events/event-log.ts';
import type { JobEvent } from '../events/job-event.ts';

export interface SubscriptionOptions {
  readonly log: EventLog;
  /** A stream, or `*` for all. */
  readonly stream: string;
  /** `seq` of the last event the client has; with `*` its `id`. */
  readonly after: number;
  /** Calls `done` when the text has left this process. */
  readonly send: (text: string, done: () => void) => void;
  /** Told when the client has read nothing for so long that it is to be cut off. */
  readonly onStall: () => void;
  readonly stallMs: number;
  /** Told when events cannot be read. */
  readonly onError: (error: unknown) => void;
}

export interface Subscription {
  close(): void;
}

/** Bytes under way to one client. */
const MAX_UNDER_WAY = 1 << 18;
const PAGE = 200;

type Numbers = Pick<JobEvent, 'id' | 'seq' | 'type'>;

export function openSubscription(options: SubscriptionOptions): Subscription {
  const { log, stream, send, onStall, stallMs, onError } = options;
  let cursor = options.after;
  let underWay = 0;
  let isLive = false;
  let isClosed = false;
  /** Whether it could not keep up since it was last up to date: the progress in between is summed up for it then. */
  let isBehind = false;
  let isReading = false;
  let stallTimer: NodeJS.Timeout | undefined;

  const numberOf = ({ id, seq }: Numbers) => (stream === '*' ? id : seq);
  const read = () => (stream === '*' ? log.replayAll(cursor, PAGE) : log.replay(stream, cursor, PAGE));
  const isUpToDate = () => cursor >= (stream === '*' ? log.lastId : log.lastSeq(stream));

  const watchForStall = (): void => {
    clearTimeout(stallTimer);
    if (underWay > 0 && !isClosed) stallTimer = setTimeout(onStall, stallMs).unref();
  };

  const push = (text: string, event: Numbers): void => {
    cursor = numberOf(event);
    underWay += text.length;
    if (underWay === text.length) watchForStall();
    send(text, () => {
      underWay -= text.length;
      watchForStall();
      if (!isLive && !isReading && underWay < MAX_UNDER_WAY / 2) void catchUp();
    });
  };

  /** A client that lags gets the last progress of a page; everything else in full. */
  const pushPage = (texts: readonly string[]): void => {
    const events = texts.map((text) => ({ text, event: JSON.parse(text) as JobEvent }));
    for (const [i, { text, event }] of events.entries()) {
      if (isClosed) return;
      const next = events[i + 1]?.event;
      const isSummedUp = isBehind && event.type === 'progress' && next?.type === 'progress' && next.job === event.job;
      if (isSummedUp) cursor = numberOf(event);
      else push(text, event);
    }
  };

  const catchUp = async (): Promise<void> => {
    isReading = true;
    try {
      while (!isClosed && underWay < MAX_UNDER_WAY) {
        if (isUpToDate()) {
          [isLive, isBehind] = [true, false];
          return;
        }
        pushPage(await read());
      }
      isBehind = true;
    } catch (error) {
      if (!isClosed) onError(error);
    } finally {
      isReading = false;
    }
  };

  const stop = log.listen((event, text) => {
    if (!isLive || (stream !== '*' && event.job !== stream)) return;
    if (underWay < MAX_UNDER_WAY) push(text, event);
    else [isLive, isBehind] = [false, true];
  });
  void catchUp();
  return {
    close() {
      isClosed = true;
      clearTimeout(stallTimer);
      stop();
    },
  };
}
