/** Three ways to hear of events, best first. Each resolves or rejects when it has ended, and tells what it hears. */
/** @import { Api } from './api.js' */
import { readFrames } from './frames.js';

/**
 * @typedef {object} Listening
 * @property {Api} api
 * @property {number | null} after `id` of the last event that was heard; null before the first.
 * @property {() => void} onOpen
 * @property {(message: any) => void} onMessage
 */

const POLL_MS = 3000;
/** Then the better ways are tried again. */
const POLLS = 40;
const OPEN_MS = 8000;

/** @param {Listening} listening @returns {Promise<void>} */
export async function listenBySocket({ api, after, onOpen, onMessage }) {
  const { ticket } = await api.post('tickets');
  const url = new URL('socket', api.base);
  url.protocol = url.protocol.replace('http', 'ws');
  url.searchParams.set('ticket', ticket);
  await new Promise((resolve, reject) => {
    const socket = new WebSocket(url, 'dualscale.v1');
    // A proxy that swallows upgrades leaves the socket connecting for minutes.
    const timer = setTimeout(() => socket.close(), OPEN_MS);
    let wasOpen = false;
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(data);
      onMessage(message);
      if (message.type !== 'hello') return;
      // Before its greeting the server may still send a client away.
      wasOpen = true;
      clearTimeout(timer);
      socket.send(JSON.stringify({ subscribe: '*', after: after ?? message.data.lastId }));
      onOpen();
    });
    socket.addEventListener('close', () => {
      clearTimeout(timer);
      if (wasOpen) resolve(undefined);
      else reject(new Error('the socket did not open'));
    });
  });
}

/** @param {Listening} listening */
export async function listenByStream({ api, after, onOpen, onMessage }) {
  const path = after === null ? 'events' : `events?after=${after}`;
  const { body } = await api.request(path, { headers: { Accept: 'text/event-stream' } });
  if (!body) throw new Error('the stream is empty');
  onOpen();
  for await (const text of readFrames(body)) onMessage(JSON.parse(text));
}

/** @param {Listening} listening */
export async function listenByPolling({ api, after, onOpen, onMessage }) {
  let last = after ?? 0;
  // Whoever has heard nothing yet wants what comes: the pages so far are only counted.
  let isCatchingUp = after === null;
  for (let polls = 0; polls < POLLS; ) {
    const page = await api.get(`events?after=${last}&limit=1000`);
    if (!isCatchingUp) for (const event of page.events) onMessage(event);
    last = page.last;
    if (!page.complete) continue;
    if (polls === 0) onOpen();
    isCatchingUp = false;
    polls += 1;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
