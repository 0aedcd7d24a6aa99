/** Who may use the API: a token or a ticket, from an allowed origin; without a token only clients on this machine. */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { publicError } from '../../core/errors.ts';
import { isLoopback } from '../jobs-options.ts';

export interface AccessOptions {
  readonly token?: string;
  readonly origins: readonly string[];
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

export interface Access {
  /** Throws DS_UNAUTHORIZED, DS_FORBIDDEN, and DS_TOO_MANY for a wrong token after many others from its address. */
  check(req: IncomingMessage, where?: SocketCredentials): void;
  /** Opens the event socket once, within `TICKET_SECONDS`. */
  createTicket(): string;
}

/** Credentials that only the event socket takes: a browser cannot give it an `Authorization` header. */
export interface SocketCredentials {
  /** One-time ticket of the query. */
  readonly ticket?: string | undefined;
  /** Token of the WebSocket subprotocol. */
  readonly protocolToken?: string | undefined;
}

export const TICKET_SECONDS = 30;
export const FAILURE_WINDOW_SECONDS = 60;
const MAX_FAILURES = 10;
const MAX_TICKETS = 1000;
const MAX_ADDRESSES = 10_000;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Takes the same time wherever two tokens differ, and whatever their lengths. */
function isSameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

function hostName(host: string | undefined): string | undefined {
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return undefined;
  }
}

/** A page of another origin must not act in its visitor's name; clients that are no browsers send no origin. */
function isForeign({ headers }: IncomingMessage, origins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return headers['sec-fetch-site'] === 'cross-site';
  if (origins.includes(origin)) return false;
  try {
    return new URL(origin).host !== host;
  } catch {
    return true;
  }
}

const PROXY_HEADER = /^(?:via|forwarded|x-real-ip|x-forwarded-.*)$/;

/**
 * What a proxy on this machine passes on looks like a client on this machine, unless the proxy says so in a header or speaks HTTP/1.0,
 * as nginx does by default and browsers do not. One that does neither is not recognised.
 */
function isProxied({ headers, httpVersionMajor, httpVersionMinor }: IncomingMessage): boolean {
  const isOld = httpVersionMajor === 1 && httpVersionMinor === 0;
  return isOld || Object.keys(headers).some((name) => PROXY_HEADER.test(name));
}

/** A connection from this machine to itself, under one of its own names: a name that a stranger's DNS leads here is refused. */
function isFromThisMachine(req: IncomingMessage): boolean {
  const { localAddress = '', remoteAddress = '' } = req.socket;
  const isLocal = isLoopback(localAddress) && isLoopback(remoteAddress) && isLoopback(hostName(req.headers.host) ?? '');
  return isLocal && !isProxied(req);
}

export function createAccess({ token, origins, now }: AccessOptions): Access {
  const tickets = new LRUCache<string, true>({ max: MAX_TICKETS, ttl: 1000 * TICKET_SECONDS });
  const failures = new LRUCache<string, { count: number; readonly until: number }>({ max: MAX_ADDRESSES });

  const failuresOf = (address: string) => {
    const entry = failures.get(address);
    return entry && entry.until > now() ? entry : { count: 0, until: now() + 1000 * FAILURE_WINDOW_SECONDS };
  };

  const refuseToken = (req: IncomingMessage): never => {
    const address = req.socket.remoteAddress ?? '';
    const entry = failuresOf(address);
    if (entry.count >= MAX_FAILURES) throw publicError('DS_TOO_MANY', 'Too many wrong tokens came from this address.');
    failures.set(address, { ...entry, count: entry.count + 1 });
    throw publicError('DS_UNAUTHORIZED', 'The token is wrong.');
  };

  const useTicket = (ticket: string): void => {
    // Not counted: nobody guesses 192 random bits.
    if (!tickets.delete(digest(ticket).toString('hex'))) {
      throw publicError('DS_UNAUTHORIZED', 'The ticket is wrong, used or too old.');
    }
  };

  return {
    check(req, { ticket, protocolToken } = {}) {
      if (isForeign(req, origins))
        throw publicError('DS_FORBIDDEN', 'The origin is not one of those the server allows.');
      if (ticket !== undefined) return useTicket(ticket);
      if (token === undefined) {
        if (isFromThisMachine(req)) return;
        const why = 'This server has no token and serves only clients on its own machine, not through a proxy.';
        throw publicError('DS_UNAUTHORIZED', why);
      }
      const given = bearerOf(req) ?? protocolToken;
      // To come without one is no guess, so it is not counted.
      if (given === undefined) throw publicError('DS_UNAUTHORIZED', 'Send it as `Authorization: Bearer <token>`.');
      // The right one passes whatever came before it: behind a proxy all clients have one address, and anyone could lock the others out.
      if (!isSameSecret(given, token)) refuseToken(req);
    },
    createTicket() {
      const ticket = randomBytes(24).toString('base64url');
      // Only its digest is kept: looking it up then tells nothing by the time it takes.
      tickets.set(digest(ticket).toString('hex'), true);
      return ticket;
    },
  };
}
