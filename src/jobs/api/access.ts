/** Who may use the API: a token or a ticket, from an allowed origin; without a token only clients on this machine. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { isLoopback } from '../jobs-options.ts';
import { problem } from './api-problem.ts';

export interface AccessOptions {
  readonly token?: string;
  readonly origins: readonly string[];
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

export interface Access {
  /** Throws DS_UNAUTHORIZED, DS_FORBIDDEN, and DS_TOO_MANY after many wrong tokens from one address. */
  check(req: IncomingMessage, where?: CredentialPlaces): void;
  /** Opens one socket or event stream, once, within `TICKET_SECONDS`. */
  createTicket(): string;
}

/** Where besides the header a credential may stand. */
export interface CredentialPlaces {
  /** One-time ticket of the query. */
  readonly ticket?: string | undefined;
  /** Token of the WebSocket subprotocol. */
  readonly protocolToken?: string | undefined;
}

export const TICKET_SECONDS = 30;
export const FAILURE_WINDOW_SECONDS = 60;
const MOST_FAILURES = 10;
const MOST_TICKETS = 1000;
const MOST_ADDRESSES = 10_000;

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

/**
 * A connection from this machine to itself, under one of its own names: a name that a stranger's DNS leads here is refused, and
 * so is what a proxy passed on.
 */
function isFromThisMachine({ socket, headers }: IncomingMessage): boolean {
  const isProxied = headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined;
  const { localAddress = '', remoteAddress = '' } = socket;
  return (
    !isProxied && isLoopback(localAddress) && isLoopback(remoteAddress) && isLoopback(hostName(headers.host) ?? '')
  );
}

export function createAccess({ token, origins, now }: AccessOptions): Access {
  const tickets = new LRUCache<string, true>({ max: MOST_TICKETS, ttl: 1000 * TICKET_SECONDS });
  const failures = new LRUCache<string, { count: number; readonly until: number }>({ max: MOST_ADDRESSES });

  const failuresOf = (address: string) => {
    const entry = failures.get(address);
    return entry && entry.until > now() ? entry : { count: 0, until: now() + 1000 * FAILURE_WINDOW_SECONDS };
  };

  const checkSecret = (req: IncomingMessage, secret: string, isRight: () => boolean): void => {
    const address = req.socket.remoteAddress ?? '';
    const entry = failuresOf(address);
    // Also a right one: otherwise the answer would tell which guess is right.
    if (entry.count >= MOST_FAILURES) throw problem('DS_TOO_MANY', 'Too many wrong tokens came from this address.');
    if (secret !== '' && isRight()) return;
    failures.set(address, { ...entry, count: entry.count + 1 });
    throw problem('DS_UNAUTHORIZED', 'The token is wrong.');
  };

  return {
    check(req, { ticket, protocolToken } = {}) {
      if (isForeign(req, origins)) throw problem('DS_FORBIDDEN', 'The origin is not one of those the server allows.');
      if (ticket !== undefined) return checkSecret(req, ticket, () => tickets.delete(digest(ticket).toString('hex')));
      if (token === undefined) {
        if (isFromThisMachine(req)) return;
        throw problem('DS_UNAUTHORIZED', 'This server has no token and serves only clients on its own machine.');
      }
      const given = bearerOf(req) ?? protocolToken;
      // To come without one is no guess, so it is not counted.
      if (given === undefined) throw problem('DS_UNAUTHORIZED', 'Send it as `Authorization: Bearer <token>`.');
      checkSecret(req, given, () => isSameSecret(given, token));
    },
    createTicket() {
      const ticket = randomBytes(24).toString('base64url');
      // Only its digest is kept: looking it up then tells nothing by the time it takes.
      tickets.set(digest(ticket).toString('hex'), true);
      return ticket;
    },
  };
}
