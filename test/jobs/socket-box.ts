/** The event socket behind a real server, with one job's stream to write into. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { type Access, createAccess } from '../../src/jobs/api/access.ts';
import { createEventSocket, type EventSocketOptions } from '../../src/jobs/api/event-socket.ts';
import { EventLog } from '../../src/jobs/events/event-log.ts';
import type { JobEvent, JobEventBody } from '../../src/jobs/events/job-event.ts';

export const JOB = 'job-0000000000000001';
export const TOKEN = 'a-token-for-tests-only';

export const progress = (step: number): JobEventBody => ({
  type: 'progress',
  data: { stage: 'train', step, steps: 1_000_000, ratio: step / 1e6, etaSeconds: null },
});
export const stage = (index: number): JobEventBody => ({
  type: 'stage',
  data: { stage: `stage-${index}`, index, count: 100, steps: 0 },
});

export async function openSocketBox(more: Partial<EventSocketOptions> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'dualscale-socket-'));
  const log = new EventLog({ now: Date.now });
  await log.open(JOB, join(directory, 'job.jsonl'));
  await log.open('models', join(directory, 'models.jsonl'));
  const access: Access = createAccess({
    token: TOKEN,
    origins: ['https://admin.example'],
    now: () => performance.now(),
  });
  const warnings: string[] = [];
  const socket = createEventSocket({
    access,
    log,
    path: '/api/socket',
    onClients: () => {},
    warn: (text) => void warnings.push(text),
    ...more,
  });
  const server = createServer((_req, res) => res.end());
  socket.attach(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    log,
    access,
    socket,
    address,
    warnings,
    url: `ws://${address}/api/socket`,
    async close() {
      socket.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await log.close();
      await rm(directory, { recursive: true });
    },
  };
}

export interface Message {
  readonly type: string;
  readonly seq?: number;
  readonly id?: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface SocketClient {
  readonly socket: WebSocket;
  readonly messages: Message[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  send(message: object): void;
  /** Resolves when `isEnough` holds for what has come. */
  until(isEnough: (messages: readonly Message[]) => boolean): Promise<void>;
}

export async function connect(url: string, protocols: readonly string[] = ['dualscale.v1'], headers = {}) {
  const socket = new WebSocket(url, [...protocols], { headers });
  const messages: Message[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)) as Message);
    for (const check of waiting) check();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  const client: SocketClient = {
    socket,
    messages,
    closed,
    send: (message) => socket.send(JSON.stringify(message)),
    until: (isEnough) =>
      new Promise((resolve) => {
        const check = () => {
          if (!isEnough(messages)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
  await once(socket, 'open');
  return client;
}

export const authorized = (url: string) => connect(url, ['dualscale.v1'], { Authorization: `Bearer ${TOKEN}` });

export const eventsOf = (messages: readonly Message[]): JobEvent[] =>
  messages.filter(({ seq }) => seq !== undefined) as unknown as JobEvent[];
