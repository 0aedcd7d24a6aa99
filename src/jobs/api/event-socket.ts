/** Events over WebSocket: authenticated before the upgrade, with a heartbeat, replay and back-pressure. */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { DualscaleError } from '../../core/errors.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Access } from './access.ts';
import { openSubscription, type Subscription } from './subscription.ts';

export interface EventSocketOptions {
  readonly access: Access;
  readonly log: EventLog;
  /** Path of the socket. */
  readonly path: string;
  /** Told how many clients there are. */
  readonly onClients: (count: number) => void;
  readonly warn: (message: string) => void;
  /** @default 15000 */
  readonly heartbeatMs?: number;
  /** A client that reads nothing for so long is cut off. @default 30000 */
  readonly stallMs?: number;
  /** Further ones are sent away. @default 2000 */
  readonly mostClients?: number;
}

export interface EventSocket {
  /** Takes the upgrades of this server that go to `path`. Gives the function that ends that. */
  attach(server: Server): () => void;
  readonly clients: number;
  close(): void;
}

/** The subprotocol of these messages; beside it a client may offer its token as `dualscale.token.<base64url>`. */
const PROTOCOL = 'dualscale.v1';
const TOKEN_PROTOCOL = /^dualscale\.token\.([A-Za-z0-9_-]{1,1024})$/;
const MAX_CLIENTS = 2000;
const MAX_SUBSCRIPTIONS = 32;
const MAX_MESSAGE_BYTES = 4096;
const HEARTBEAT_MS = 15_000;
const STALL_MS = 30_000;

/** Of RFC 6455 and its registry. */
const CLOSE = { goingAway: 1001, policy: 1008, tryAgainLater: 1013 } as const;

interface ClientMessage {
  readonly subscribe?: string;
  readonly unsubscribe?: string;
  readonly after?: number;
}

function parseMessage(data: RawData): ClientMessage | undefined {
  try {
    const message = JSON.parse(String(data)) as ClientMessage;
    const { subscribe, unsubscribe, after } = message;
    const isRight =
      (typeof subscribe === 'string') !== (typeof unsubscribe === 'string') &&
      (after === undefined || (Number.isSafeInteger(after) && after >= 0));
    return isRight ? message : undefined;
  } catch {
    return undefined;
  }
}

function offeredToken(req: IncomingMessage): string | undefined {
  const offers = (req.headers['sec-websocket-protocol'] ?? '').split(',').map((offer) => offer.trim());
  const token = offers.map((offer) => TOKEN_PROTOCOL.exec(offer)?.[1]).find((found) => found !== undefined);
  return token && Buffer.from(token, 'base64url').toString();
}

/** The plain answer to an upgrade that is not taken. */
function refuseUpgrade(socket: Duplex, error: DualscaleError): void {
  const body = JSON.stringify({ title: error.publicMessage, status: error.status, code: error.code });
  const head = [
    `HTTP/1.1 ${error.status} ${error.code}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    ...(error.status === 401 ? ['WWW-Authenticate: Bearer realm="dualscale"'] : []),
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** One client's subscriptions. */
class SocketClient {
  readonly #socket: WebSocket;
  readonly #options: EventSocketOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  isAlive = true;

  constructor(socket: WebSocket, options: EventSocketOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on('pong', () => {
      this.isAlive = true;
    });
    socket.on('close', () => this.#closeSubscriptions());
    const { heartbeatMs = HEARTBEAT_MS, log } = options;
    this.#send({ v: 1, type: 'hello', data: { lastId: log.lastId, heartbeatSeconds: heartbeatMs / 1000 } });
  }

  #send(message: object): void {
    this.#socket.send(JSON.stringify(message), () => {});
  }

  #closeSubscriptions(): void {
    for (const subscription of this.#subscriptions.values()) subscription.close();
    this.#subscriptions.clear();
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    const message = isBinary ? undefined : parseMessage(data);
    if (!message) {
      this.#socket.close(CLOSE.policy, 'expected {"subscribe": ..., "after": ...} or {"unsubscribe": ...}');
      return;
    }
    if (message.unsubscribe !== undefined) {
      this.#subscriptions.get(message.unsubscribe)?.close();
      this.#subscriptions.delete(message.unsubscribe);
      return;
    }
    this.#subscribe(message.subscribe as string, message.after);
  }

  #subscribe(stream: string, wanted: number | undefined): void {
    const { log, warn, stallMs = STALL_MS } = this.#options;
    if (stream !== '*' && !log.has(stream)) {
      this.#socket.close(CLOSE.policy, 'there is no such job');
      return;
    }
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) {
      this.#socket.close(CLOSE.policy, `at most ${MAX_SUBSCRIPTIONS} subscriptions`);
      return;
    }
    const last = stream === '*' ? log.lastId : log.lastSeq(stream);
    // A late subscriber is not blind: it gets the latest event of its job at once.
    const after = wanted ?? (stream === '*' ? last : Math.max(0, last - 1));
    this.#subscriptions.get(stream)?.close();
    this.#send({ v: 1, type: 'subscribed', data: { subscribe: stream, after, last } });
    const onError = (error: unknown) => {
      warn(`events could not be read: ${String(error)}`);
      this.#socket.close(CLOSE.tryAgainLater, 'events cannot be read now');
    };
    const subscription = openSubscription({
      log,
      stream,
      after,
      stallMs,
      onError,
      send: (text, done) => this.#socket.send(text, () => done()),
      onStall: () => this.#socket.terminate(),
    });
    this.#subscriptions.set(stream, subscription);
  }
}

/** Cuts off who did not answer since the beat before. */
function startHeartbeat(clients: ReadonlyMap<WebSocket, SocketClient>, everyMs: number): NodeJS.Timeout {
  const beat = () => {
    for (const [socket, client] of clients) {
      if (!client.isAlive) socket.terminate();
      client.isAlive = false;
      socket.ping();
    }
  };
  return setInterval(beat, everyMs).unref();
}

export function createEventSocket(options: EventSocketOptions): EventSocket {
  const { access, path, onClients, heartbeatMs = HEARTBEAT_MS, mostClients = MAX_CLIENTS } = options;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offers) => (offers.has(PROTOCOL) ? PROTOCOL : false),
  });
  const clients = new Map<WebSocket, SocketClient>();
  const detach = new Set<() => void>();

  const heartbeat = startHeartbeat(clients, heartbeatMs);

  const accept = (socket: WebSocket): void => {
    // What a client sends wrongly closes its own socket only, also when it is sent away: until the closing is done it is still read.
    socket.on('error', () => {});
    if (clients.size >= mostClients) {
      socket.close(CLOSE.tryAgainLater, 'too many clients');
      return;
    }
    clients.set(socket, new SocketClient(socket, options));
    onClients(clients.size);
    socket.on('close', () => {
      clients.delete(socket);
      onClients(clients.size);
    });
  };

  const onUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    try {
      const ticket = new URL(req.url ?? '/', 'http://localhost').searchParams.get('ticket') ?? undefined;
      access.check(req, { ticket, protocolToken: offeredToken(req) });
    } catch (error) {
      refuseUpgrade(
        socket,
        error instanceof DualscaleError ? error : new DualscaleError('DS_BAD_REQUEST', String(error)),
      );
      return;
    }
    server.handleUpgrade(req, socket, head, accept);
  };

  return {
    attach(host) {
      const listener = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
        // Before the upgrade is done nobody else listens: a reset would end the server.
        socket.on('error', () => socket.destroy());
        if ((req.url ?? '').split('?')[0] === path) onUpgrade(req, socket, head);
        // Somebody else's path is somebody else's, unless there is nobody else.
        else if (host.listenerCount('upgrade') === 1) refuseUpgrade(socket, new DualscaleError('DS_NOT_FOUND', path));
      };
      host.on('upgrade', listener);
      const end = () => void host.off('upgrade', listener);
      detach.add(end);
      return end;
    },
    get clients() {
      return clients.size;
    },
    close() {
      clearInterval(heartbeat);
      for (const end of detach) end();
      for (const socket of clients.keys()) socket.close(CLOSE.goingAway, 'the server closes');
      // A client that does not answer the closing keeps no server alive.
      const stragglers = [...clients.keys()];
      setTimeout(() => {
        for (const socket of stragglers) socket.terminate();
      }, 1000).unref();
      server.close();
    },
  };
}
