/** Start and end of the command line's servers. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const DRAIN_MS = 10_000;
/** Longer than the minute for which proxies keep idle connections, so that the proxy closes them first. */
const KEEP_ALIVE_MS = 65_000;

/** Resolves to the server's address, e.g. `http://127.0.0.1:8080/`. Rejects with Node's error when the port is taken. */
export async function listen(server: Server, port: number, host: string): Promise<string> {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const {
    address,
    family,
    port: actual,
  } = await new Promise<AddressInfo>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}/`;
}

/** Takes no new connections, and lets open requests end for up to 10 seconds. */
export function drain(server: Server): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
    server.close(() => {
      clearTimeout(timer);
      done();
    });
    server.closeIdleConnections();
  });
}
