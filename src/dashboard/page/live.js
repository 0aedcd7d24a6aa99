/** Events over one WebSocket as long as the page is open. After each break it reconnects and catches up from the last event. */
/** @import { JobEvent } from '../../jobs/events/job-event.ts' */
/** @import { Api } from './api.js' */
/** @import { Topic } from './topic.js' */
import { createTopic } from './topic.js';

/** @typedef {'connecting' | 'live' | 'offline'} LiveState */

/**
 * @typedef {object} Live
 * @property {(listener: (event: JobEvent) => void) => () => void} onEvent Each event once, in order.
 * @property {(listener: () => void) => () => void} onOpen After each connection: what is shown may be old.
 * @property {(listener: (state: LiveState) => void) => () => void} onState
 * @property {() => void} start
 */

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
const OPEN_MS = 8000;

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

/**
 * Resolves when an open socket closes, rejects when none opens.
 * @param {Api} api @param {(message: any, socket: WebSocket) => void} onMessage
 */
async function listenOnce(api, onMessage) {
  const { ticket } = await api.post('tickets');
  const url = new URL('socket', api.base);
  url.protocol = url.protocol.replace('http', 'ws');
  url.searchParams.set('ticket', ticket);
  await new Promise((resolve, reject) => {
    const socket = new WebSocket(url, 'dualscale.v1');
    // A proxy that swallows upgrades leaves the socket connecting for minutes.
    const timer = setTimeout(() => socket.close(), OPEN_MS);
    let wasGreeted = false;
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'hello') {
        // Before its greeting the server may still refuse a client.
        wasGreeted = true;
        clearTimeout(timer);
      }
      onMessage(message, socket);
    });
    socket.addEventListener('close', () => {
      clearTimeout(timer);
      if (wasGreeted) resolve(undefined);
      else reject(new Error('the socket did not open'));
    });
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
  let failures = 0;

  /** @param {any} message @param {WebSocket} socket */
  const onMessage = (message, socket) => {
    if (message.type === 'hello') {
      // The server's count is lower than ours when its folder of jobs was emptied.
      lastId = Math.min(lastId ?? message.data.lastId, message.data.lastId);
      socket.send(JSON.stringify({ subscribe: '*', after: lastId }));
      failures = 0;
      states.emit('live');
      opens.emit(undefined);
      return;
    }
    if (typeof message.id !== 'number' || typeof message.job !== 'string') return;
    // Replayed and live events may overlap.
    if (lastId !== null && message.id <= lastId) return;
    lastId = message.id;
    events.emit(message);
  };

  const run = async () => {
    states.emit('connecting');
    for (;;) {
      await listenOnce(api, onMessage).catch(() => {
        failures += 1;
      });
      states.emit(failures > 0 ? 'offline' : 'connecting');
      await pause(Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 8)) * (0.75 + Math.random() / 2));
    }
  };

  return { onEvent: events.add, onOpen: opens.add, onState: states.add, start: () => void run() };
}
