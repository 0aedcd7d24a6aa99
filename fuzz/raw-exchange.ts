/** One request, byte for byte, over a connection of its own, and what came back. */
import { connect } from 'node:net';
import type { RawRequest } from './mutate-request.ts';

export interface RawAnswer {
  /** Undefined where the connection was closed without one. */
  readonly status: number | undefined;
  readonly head: string;
  readonly body: Buffer;
  /** Nothing came and the connection stayed open until the limit. */
  readonly isHanging: boolean;
}

function parse(bytes: Buffer): { head: string; body: Buffer; status: number | undefined } {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.subarray(0, end < 0 ? bytes.length : end).toString('latin1');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  return {
    head,
    body: end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 4),
    status: status ? Number(status) : undefined,
  };
}

/** Whether the first answer is there; a 100 is none. Without a length it ends with the connection. */
function isWhole(bytes: Buffer, isHead: boolean): boolean {
  const { head, body, status } = parse(bytes);
  if (status === undefined || !bytes.includes('\r\n\r\n')) return false;
  if (isHead || status === 304 || status === 204) return true;
  if (/^transfer-encoding: *chunked/im.test(head)) return body.subarray(-5).toString('latin1') === '0\r\n\r\n';
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  return length !== undefined && body.length >= Number(length);
}

export function exchange(port: number, { bytes, isCut }: RawRequest, limitMs: number): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const isHead = bytes.subarray(0, 5).toString('latin1') === 'HEAD ';
    const socket = connect(port, '127.0.0.1');
    let received = Buffer.alloc(0);
    const finish = (isHanging: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      const isInterim = /^HTTP\/1\.1 100 [^\r]*\r\n\r\n/.exec(received.toString('latin1'));
      const answer = isInterim ? received.subarray(isInterim[0].length) : received;
      resolve({ ...parse(answer), isHanging: isHanging && !isCut });
    };
    const timer = setTimeout(() => finish(true), isCut ? 200 : limitMs);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (isWhole(received, isHead)) finish(false);
    });
    socket.on('error', () => {});
    socket.on('close', () => finish(false));
    socket.write(bytes);
  });
}
