/** Hears of events as long as the page is open: socket, else event stream, else polling; again after each break, from where it was. */
/** @import { JobEvent } from '../../jobs/events/job-event.ts' */
/** @import { Api } from './api.js' */
/** @import { Topic } from './topic.js' */
import { createTopic } from './topic.js';
import { listenByPolling, listenBySocket, listenByStream } from './transports.js';

/** @typedef {'connecting' | 'live' | 'polling' | 'offline'} LiveState */

/**
 * @typedef {object} Live
 * @property {(listener: (event: JobEvent) => void) => () => void} onEvent Each event once, in order.
 * @property {(listener: () => void) => () => void} onOpen After each connection: what is shown may be old.
 * @property {(listener: (state: LiveState) => void) => () => void} onState
 * @property {() => void} start
 */

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
/** After so many failures in a row the next way is tried. */
const PATIENCE = 2;
const WAYS = [
  { listen: listenBySocket, state: /** @type {LiveState} */ ('live') },
  { listen: listenByStream, state: /** @type {LiveState} */ ('live') },
  { listen: listenByPolling, state: /** @type {LiveState} */ ('polling') },
];

/** Ends early when the network or the reader comes back. @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    const onVisible = () => document.visibilityState === 'visible' && done();
    function done() {
      clearTimeout(timer);
      removeEventListener('online', done);
      document.removeEventListener('visibilitychange', onVisible);
      resolve(undefined);
    }
    addEventListener('online', done);
    document.addEventListener('visibilitychange', onVisible);
  });
}

/** @param {Api} api @returns {Live} */
export function createLive(api) {
  /** @type {Topic<JobEvent>} */
  const events = createTopic();
  /** @type {Topic<undefined>} */
  const opens = createTopic();
  /** @type {Topic<LiveState>} */
  const states = createTopic();
  /** @type {number | null} */
  let lastId = null;
  let way = 0;
  let failures = 0;

  /** @param {any} message */
  const onMessage = (message) => {
    // The server's own count: known before the first event, and lower when its folder of jobs was emptied.
    if (message?.type === 'hello') lastId = Math.min(lastId ?? message.data.lastId, message.data.lastId);
    if (typeof message?.id !== 'number' || typeof message.job !== 'string') return;
    // Replay and live may overlap.
    if (lastId !== null && message.id <= lastId) return;
    lastId = message.id;
    events.tell(message);
  };

  const listenOnce = async () => {
    const { listen, state } = WAYS[way];
    const onOpen = () => {
      failures = 0;
      states.tell(state);
      opens.tell(undefined);
    };
    try {
      await listen({ api, after: lastId, onOpen, onMessage });
      way = 0;
    } catch (error) {
      failures += 1;
      // A server that nobody reaches says nothing about this way.
      const isAway = error instanceof TypeError;
      if (!isAway && failures >= PATIENCE) way = Math.min(way + 1, WAYS.length - 1);
    }
  };

  const run = async () => {
    states.tell('connecting');
    for (;;) {
      await listenOnce();
      states.tell(failures > 0 ? 'offline' : 'connecting');
      await pause(Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 8)) * (0.75 + Math.random() / 2));
    }
  };

  return { onEvent: events.add, onOpen: opens.add, onState: states.add, start: () => void run() };
}
