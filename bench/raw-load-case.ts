/**
 * Asks for one URL again and again over keep-alive sockets, in a process of its own. It only counts bytes: clients that
 * parse bodies (autocannon reads them as text) are slower with a JPEG than the server they measure.
 */
import { connect, type Socket } from 'node:net';
import { caseConfig } from './fork-case.ts';

export interface RawLoadConfig {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface RawLoadReport {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const { url, connections, seconds } = caseConfig<RawLoadConfig>();
const { hostname, port, pathname, search, host } = new URL(url);
const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const HEAD_END = Buffer.from('\r\n\r\n');
const latenciesMs: number[] = [];
const until = performance.now() + seconds * 1000;

/** Bytes of the whole answer whose head `chunk` begins with. Throws for anything but a 200 with a length. */
function answerLength(chunk: Buffer): number {
  const end = chunk.indexOf(HEAD_END);
  const head = chunk.subarray(0, Math.max(end, 0)).toString('latin1');
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (!head.startsWith('HTTP/1.1 200') || length === undefined)
    throw new Error(`expected a 200, got ${head.slice(0, 80)}`);
  return end + HEAD_END.length + Number(length);
}

function drive(socket: Socket, done: () => void): void {
  let missing = 0;
  let start = 0;
  const ask = () => {
    start = performance.now();
    socket.write(request);
  };
  socket.on('connect', ask);
  socket.on('data', (chunk) => {
    if (missing === 0) missing = answerLength(chunk);
    missing -= chunk.length;
    if (missing > 0) return;
    const now = performance.now();
    latenciesMs.push(now - start);
    if (now < until) ask();
    else socket.end(done);
  });
}

await Promise.all(
  Array.from({ length: connections }, () => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    return new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      drive(socket, resolve);
    });
  }),
);
latenciesMs.sort((a, b) => a - b);
const quantile = (share: number) => latenciesMs[Math.floor(share * (latenciesMs.length - 1))] as number;
const requests = latenciesMs.length;
const report: RawLoadReport = {
  requests,
  requestsPerSecond: requests / seconds,
  p50Ms: quantile(0.5),
  p99Ms: quantile(0.99),
};
process.send?.(report);
