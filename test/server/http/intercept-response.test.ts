import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { type HostListener, InterceptedResponse, type Verdict } from '../../../src/server/http/intercept-response.ts';

type Host = (req: IncomingMessage, res: ServerResponse) => void;

interface Seen {
  head?: { status: number; type: unknown; cookies: unknown };
  body?: string;
  overflow?: boolean;
}

/** Serves one request with `host` behind an interception that gives `verdict` and, when it keeps the body, answers with it reversed. */
async function exchange(
  host: Host,
  verdict: Verdict,
  { maxBytes = 1000, onOverflow = 'discard' as 'discard' | 'pass' } = {},
) {
  const seen: Seen = {};
  const server = createServer((req, res) => {
    const reply = (status: number, body: string) => {
      res.removeHeader('content-length');
      res.setHeader('x-ours', 'yes');
      interception.answer(status, Buffer.from(body));
    };
    const listener: HostListener = {
      onHead() {
        seen.head = {
          status: res.statusCode,
          type: res.getHeader('content-type'),
          cookies: res.getHeader('set-cookie'),
        };
        if (verdict === 'discard') reply(202, 'instead');
        return verdict;
      },
      onBody(body) {
        seen.body = body.toString();
        setImmediate(() => reply(200, [...body.toString()].reverse().join('')));
      },
      onOverflow() {
        seen.overflow = true;
        if (onOverflow === 'discard') reply(413, 'too much');
        return onOverflow;
      },
    };
    const interception: InterceptedResponse = new InterceptedResponse(res, listener, maxBytes);
    host(req, res);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return { seen, response, text: await response.text() };
  } finally {
    server.close();
  }
}

const hosts: Record<string, Host> = {
  'setHeader, end(text)': (_req, res) => {
    res.setHeader('Content-Type', 'text/a');
    res.setHeader('Set-Cookie', ['x=1', 'y=2']);
    res.end('hello world');
  },
  'writeHead(status, object)': (_req, res) => {
    res
      .writeHead(200, { 'Content-Type': 'text/a', 'set-cookie': ['x=1', 'y=2'], 'Content-Length': 11 })
      .end('hello world');
  },
  'writeHead(status, message, object)': (_req, res) => {
    res.setHeader('content-type', 'text/wrong');
    res.writeHead(200, 'Fine', { 'Content-Type': 'text/a', 'set-cookie': ['x=1', 'y=2'] });
    res.write('hello ');
    res.end('world');
  },
  'writeHead(status, flat array)': (_req, res) => {
    res.writeHead(200, ['Content-Type', 'text/a', 'Set-Cookie', 'x=1', 'Set-Cookie', 'y=2']);
    res.end(Buffer.from('hello world'));
  },
  'writeHead(status, message, flat array) over setHeader': (_req, res) => {
    res.setHeader('content-type', 'text/wrong');
    res.writeHead(200, 'Fine', ['content-type', 'text/a', 'set-cookie', 'x=1', 'set-cookie', 'y=2'] as never);
    res.end('hello world');
  },
  'writeHead(status, array of pairs)': (_req, res) => {
    res.writeHead(200, [
      ['Content-Type', 'text/a'],
      ['Set-Cookie', 'x=1'],
      ['Set-Cookie', 'y=2'],
    ] as never);
    res.end('hello world');
  },
  'appendHeader, flushHeaders, writes in encodings': (_req, res) => {
    res.setHeader('Content-Type', 'text/a');
    res.appendHeader('Set-Cookie', 'x=1');
    res.appendHeader('Set-Cookie', 'y=2');
    res.flushHeaders();
    res.write('aGVsbG8g', 'base64');
    res.write(new Uint8Array(Buffer.from('wor')), () => res.end('6c64', 'hex'));
  },
  'a piped stream': (_req, res) => {
    res.setHeader('Content-Type', 'text/a');
    res.setHeader('Set-Cookie', ['x=1', 'y=2']);
    Readable.from(['hello', ' ', 'world']).pipe(res);
  },
  'stream.pipeline, which waits for `finish`': (_req, res) => {
    res.setHeader('Content-Type', 'text/a');
    res.setHeader('Set-Cookie', ['x=1', 'y=2']);
    void pipeline(Readable.from(['hello', ' ', 'world']), res);
  },
};

describe.each(Object.entries(hosts))('a host that uses %s', (_name, host) => {
  test('is understood, and its kept body can be replaced', async () => {
    const { seen, response, text } = await exchange(host, 'collect');
    expect(seen.head).toEqual({ status: 200, type: 'text/a', cookies: ['x=1', 'y=2'] });
    expect(seen.body).toBe('hello world');
    expect(text).toBe('dlrow olleh');
    expect(response.headers.get('x-ours')).toBe('yes');
    expect(response.headers.getSetCookie()).toEqual(['x=1', 'y=2']);
  });

  test('passes with every header and byte', async () => {
    const { response, text } = await exchange(host, 'pass');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/a');
    expect(response.headers.getSetCookie()).toEqual(['x=1', 'y=2']);
    expect(text).toBe('hello world');
    expect(response.headers.get('x-ours')).toBeNull();
  });

  test('is ignored once the answer was given in its place', async () => {
    const { response, text } = await exchange(host, 'discard');
    expect([response.status, text]).toEqual([202, 'instead']);
  });

  test('is cut off at the byte limit', async () => {
    const { seen, response, text } = await exchange(host, 'collect', { maxBytes: 10 });
    expect(seen.overflow).toBe(true);
    expect(seen.body).toBeUndefined();
    expect([response.status, text]).toEqual([413, 'too much']);
  });

  test('goes out whole, what was kept first, where the listener lets it pass at the byte limit', async () => {
    const { seen, response, text } = await exchange(host, 'collect', { maxBytes: 3, onOverflow: 'pass' });
    expect([seen.overflow, response.status, text]).toEqual([true, 200, 'hello world']);
    expect(response.headers.getSetCookie()).toEqual(['x=1', 'y=2']);
  });
});

test('the host sees its own answer: headersSent after the head, writableEnded after the end', async () => {
  const seen: boolean[] = [];
  await exchange((_req, res) => {
    seen.push(res.headersSent, res.writableEnded);
    res.writeHead(200);
    seen.push(res.headersSent, res.writableEnded);
    res.end('x');
    seen.push(res.headersSent, res.writableEnded);
  }, 'collect');
  expect(seen).toEqual([false, false, true, false, true, true]);
});

test('the callback of end runs when our answer is out', async () => {
  let isFinished = false;
  const { text } = await exchange((_req, res) => {
    res.end('ab', () => {
      isFinished = true;
    });
    expect(isFinished).toBe(false);
  }, 'collect');
  expect(text).toBe('ba');
  expect(isFinished).toBe(true);
});

test('wrappers that others put around the response run once for the host and keep working', async () => {
  const calls: string[] = [];
  for (const verdict of ['pass', 'collect'] as const) {
    const { text } = await exchange((_req, res) => {
      const { writeHead, end } = res;
      res.writeHead = ((...args: Parameters<typeof writeHead>) => {
        calls.push(`${verdict} head`);
        return writeHead.apply(res, args);
      }) as typeof writeHead;
      res.end = ((...args: Parameters<typeof end>) => {
        calls.push(`${verdict} end`);
        return end.apply(res, args);
      }) as typeof end;
      res.end('ab');
    }, verdict);
    expect(text).toBe(verdict === 'pass' ? 'ab' : 'ba');
  }
  expect(calls).toEqual(['pass end', 'pass head', 'collect end', 'collect head']);
});

test('works on the HTTP/2 compatibility response', async () => {
  const server = createHttp2Server((_req, res) => {
    const response = res as unknown as ServerResponse;
    const interception: InterceptedResponse = new InterceptedResponse(
      response,
      {
        onHead: () => 'collect',
        onBody: (body) => setImmediate(() => interception.answer(200, Buffer.from(`${body.toString()}!`))),
        onOverflow: () => 'discard',
      },
      100,
    );
    response.writeHead(200, 'ignored', ['content-type', 'text/a'] as never);
    response.write('hel');
    response.end('lo');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const request = client.request({ ':path': '/' });
    const [headers] = (await once(request, 'response')) as [Record<string, unknown>];
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    expect([headers[':status'], headers['content-type'], text]).toEqual([200, 'text/a', 'hello!']);
  } finally {
    client.close();
    server.close();
  }
});
test("an answer in the host's place has the reason phrase of its own status", async () => {
  const { response } = await exchange(hosts['writeHead(status, message, object)'] as Host, 'discard');
  expect([response.status, response.statusText]).toEqual([202, 'Accepted']);
});
