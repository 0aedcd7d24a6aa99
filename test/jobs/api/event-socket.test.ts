import { once } from 'node:events';
import { request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { JobEventBody } from '../../../src/jobs/events/job-event.ts';
import { authorized, connect, eventsOf, JOB, openSocketBox, progress, stage, TOKEN } from '../socket-box.ts';

let box: Awaited<ReturnType<typeof openSocketBox>>;
beforeEach(async () => {
  box = await openSocketBox();
});
afterEach(() => box.close());

/** The status of an upgrade that is refused. */
async function refusal(url: string, protocols: string[] = ['dualscale.v1'], headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, protocols, { headers });
  socket.on('error', () => {});
  const [req, response] = await once(socket, 'unexpected-response');
  req.destroy();
  return response.statusCode as number;
}

describe('the upgrade', () => {
  test('is refused without a token, with a wrong one, from a foreign page, and on another path', async () => {
    expect(await refusal(box.url)).toBe(401);
    expect(await refusal(box.url, ['dualscale.v1'], { Authorization: 'Bearer wrong' })).toBe(401);
    expect(await refusal(`${box.url}?token=${TOKEN}`)).toBe(401);
    const authorization = { Authorization: `Bearer ${TOKEN}` };
    expect(await refusal(box.url, [], { ...authorization, Origin: 'https://evil.example' })).toBe(403);
    expect(await refusal(`ws://${box.address}/other`, [], authorization)).toBe(404);
    expect(box.socket.clients).toBe(0);
  });

  test('takes the token as header, as subprotocol or as a ticket that opens one socket only', async () => {
    const encoded = Buffer.from(TOKEN).toString('base64url');
    const byProtocol = await connect(box.url, ['dualscale.v1', `dualscale.token.${encoded}`]);
    // The token is not sent back.
    expect(byProtocol.socket.protocol).toBe('dualscale.v1');
    const ticket = box.access.createTicket();
    const byTicket = await connect(`${box.url}?ticket=${ticket}`);
    expect(await refusal(`${box.url}?ticket=${ticket}`)).toBe(401);
    const allowed = { Authorization: `Bearer ${TOKEN}`, Origin: 'https://admin.example' };
    const byHeader = await connect(box.url, ['dualscale.v1'], allowed);
    for (const { socket } of [byProtocol, byTicket, byHeader]) socket.close();
  });

  test('of many wrong tokens ends with 429, and the right one still opens a socket', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push(await refusal(box.url, [], { Authorization: `Bearer wrong-${i}` }));
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(statuses.slice(10)).toEqual([429, 429]);
    // Tickets are no guesses, neither before nor now.
    for (let i = 0; i < 12; i++) expect(await refusal(`${box.url}?ticket=x${i}`)).toBe(401);
    const [byHeader, byTicket] = [
      await authorized(box.url),
      await connect(`${box.url}?ticket=${box.access.createTicket()}`),
    ];
    for (const { socket } of [byHeader, byTicket]) socket.close();
  });

  test('that breaks off in the middle harms nobody', async () => {
    const raw = connectTcp(Number(box.address.split(':')[1]), '127.0.0.1');
    raw.write('GET /api/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    raw.resetAndDestroy();
    await sleep(20);
    const response = await once(request(`http://${box.address}/`).end(), 'response');
    expect(response[0].statusCode).toBe(200);
  });
});

describe('a subscription', () => {
  test('repeats what was missed, then goes on with what happens, in order and without a gap', async () => {
    for (let step = 1; step <= 500; step++) await box.log.emit(JOB, progress(step));
    const client = await authorized(box.url);
    client.send({ subscribe: JOB, after: 100 });
    for (let step = 501; step <= 600; step++) {
      await box.log.emit(JOB, progress(step));
      if (step % 10 === 0) await sleep(1);
    }
    await client.until((messages) => eventsOf(messages).at(-1)?.seq === 600);
    expect(eventsOf(client.messages).map(({ seq }) => seq)).toEqual(Array.from({ length: 500 }, (_, i) => 101 + i));
    expect(client.messages.slice(0, 2).map(({ type }) => type)).toEqual(['hello', 'subscribed']);
    client.socket.close();
  });

  test('without a number gets the latest event at once', async () => {
    for (let step = 1; step <= 5; step++) await box.log.emit(JOB, progress(step));
    const client = await authorized(box.url);
    client.send({ subscribe: JOB });
    await client.until((messages) => eventsOf(messages).length > 0);
    expect(eventsOf(client.messages).map(({ seq }) => seq)).toEqual([5]);
    client.socket.close();
  });

  test('to all follows every stream by their common number', async () => {
    const client = await authorized(box.url);
    client.send({ subscribe: '*', after: 0 });
    const activated = {
      scale: 4,
      modelId: 'm',
      previousModelId: null,
      reason: 'operator',
      job: null,
      detail: '',
    } as const;
    for (let i = 0; i < 20; i++) {
      await box.log.emit(JOB, stage(i));
      await box.log.emit('models', { type: 'activated', data: activated });
    }
    await client.until((messages) => eventsOf(messages).length >= 40);
    expect(eventsOf(client.messages).map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    client.socket.close();
  });

  test('to nothing that is there, and messages of another form, close the socket with 1008', async () => {
    const bad = [{ subscribe: 'job-0' }, { subscribe: JOB, after: -1 }, { hello: 1 }, 'text'];
    for (const message of bad) {
      const client = await authorized(box.url);
      client.send(message as object);
      expect((await client.closed).code, JSON.stringify(message)).toBe(1008);
    }
  });

  test('ends with 1009 for a message that is too long, and with 1001 when the server closes', async () => {
    const [long, other] = [await authorized(box.url), await authorized(box.url)];
    long.socket.send('x'.repeat(5000));
    expect((await long.closed).code).toBe(1009);
    box.socket.close();
    expect((await other.closed).code).toBe(1001);
  });
});

test('a client that never reads is cut off, and the others get everything', async () => {
  await box.close();
  box = await openSocketBox({ stallMs: 300, heartbeatMs: 60_000 });
  const [deaf, other] = [await authorized(box.url), await authorized(box.url)];
  deaf.socket.pause();
  deaf.send({ subscribe: JOB, after: 0 });
  other.send({ subscribe: JOB, after: 0 });
  const note = { type: 'note', data: { level: 'info', message: 'x'.repeat(60_000) } } as const;
  const before = process.memoryUsage().rss;
  for (let i = 1; i <= 400; i++) {
    await box.log.emit(JOB, note);
    if (i % 20 === 0) await sleep(5);
  }
  await other.until((messages) => eventsOf(messages).at(-1)?.seq === 400);
  expect(eventsOf(other.messages).map(({ seq }) => seq)).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
  const deadline = Date.now() + 10_000;
  while (box.socket.clients > 1 && Date.now() < deadline) await sleep(50);
  expect(box.socket.clients).toBe(1);
  // 24 MB of events passed; nothing of them is kept for who does not read.
  expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
  deaf.socket.terminate();
  other.socket.close();
}, 30_000);

test('a client that reads slowly gets every stage, and progress summed up', async () => {
  const client = await authorized(box.url);
  client.send({ subscribe: JOB, after: 0 });
  await client.until((messages) => messages.length > 1);
  client.socket.pause();
  let stages = 0;
  for (let step = 1; step <= 20_000; step++) {
    // More in all than the system's buffers hold.
    const { type, data } = progress(step) as Extract<JobEventBody, { type: 'progress' }>;
    const written = box.log.emit(JOB, { type, data: { ...data, stage: 'x'.repeat(1000) } });
    if (step % 400 === 0) await box.log.emit(JOB, stage(stages++));
    else if (step === 20_000) await written;
    if (step % 2000 === 0) await sleep(1);
  }
  client.socket.resume();
  const last = box.log.lastSeq(JOB);
  await client.until((messages) => eventsOf(messages).at(-1)?.seq === last);
  const events = eventsOf(client.messages);
  const names = events.flatMap((event) => (event.type === 'stage' ? [event.data.stage] : []));
  expect(names).toEqual(Array.from({ length: stages }, (_, i) => `stage-${i}`));
  expect(events.length).toBeLessThan(last);
  const numbers = events.map(({ seq }) => seq);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(new Set(numbers).size).toBe(numbers.length);
  client.socket.close();
}, 30_000);

test('a client beyond the limit is sent away with 1013, and what it sends wrongly harms nobody', async () => {
  await box.close();
  box = await openSocketBox({ mostClients: 1 });
  const first = await authorized(box.url);
  expect((await (await authorized(box.url)).closed).code).toBe(1013);
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => void failures.push(error);
  process.on('uncaughtException', onFailure);
  const raw = connectTcp(Number(box.address.split(':')[1]), '127.0.0.1');
  raw.write(
    `GET /api/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`,
  );
  const [answer] = await once(raw, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1\.1 101 /);
  // Reserved bits, an opcode that is none, and no mask.
  raw.write(Buffer.from([0xff, 0x00]));
  raw.resume();
  await once(raw, 'close');
  await sleep(50);
  process.off('uncaughtException', onFailure);
  expect(failures).toEqual([]);
  expect(box.socket.clients).toBe(1);
  first.socket.close();
});

test('a client that does not answer pings is dropped', async () => {
  await box.close();
  box = await openSocketBox({ heartbeatMs: 50 });
  const client = await authorized(box.url);
  client.socket.pause();
  const deadline = Date.now() + 10_000;
  while (box.socket.clients > 0 && Date.now() < deadline) await sleep(20);
  expect(box.socket.clients).toBe(0);
  client.socket.terminate();
});
