/** Requests to handlers by method and path, errors to problems. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DualscaleError, publicError } from '../../core/errors.ts';
import { type ProblemHeaders, sendProblem } from './api-problem.ts';

export interface ApiRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Parts of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

export type ApiHandler = (request: ApiRequest) => Promise<void> | void;

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** e.g. `/jobs/{id}/cancel`. */
  readonly path: string;
  readonly handle: ApiHandler;
  /** Answered to anybody. */
  readonly isPublic?: boolean;
}

interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined && part !== given[i]) return undefined;
    if (name !== undefined) params[name] = decodePart(given[i]);
  }
  return params;
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw publicError('DS_BAD_REQUEST', 'The path is not encoded correctly.');
  }
}

class WrongMethod extends DualscaleError {
  readonly allow: readonly string[];

  constructor(allow: readonly string[]) {
    super('DS_METHOD', `expected one of ${allow.join(', ')}`);
    this.allow = allow;
  }
}

/** Throws DS_NOT_FOUND, DS_METHOD. */
export function findRoute(routes: readonly Route[], method: string, path: string): Match {
  const matches = routes.flatMap((route) => {
    const params = matchPath(route.path, path);
    return params ? [{ route, params }] : [];
  });
  if (matches.length === 0) throw publicError('DS_NOT_FOUND', 'There is no such route.');
  const match = matches.find(({ route }) => route.method === method);
  if (!match) throw new WrongMethod([...new Set(matches.map(({ route }) => route.method))]);
  return match;
}

/** The client may try again later: not worth a line in the log. */
const COME_AGAIN: ReadonlySet<string> = new Set(['DS_TOO_MANY', 'DS_CLOSING']);

/** What was not thrown on purpose is a 500 without details. */
export function answerError(
  res: ServerResponse,
  error: unknown,
  onError: (error: unknown) => void,
  retry: number,
): void {
  const isOurs = error instanceof DualscaleError;
  if (!isOurs || (error.status >= 500 && !COME_AGAIN.has(error.code))) onError(error);
  const known = isOurs ? error : new DualscaleError('DS_JOB_FAILED', String(error), { cause: error });
  const headers: ProblemHeaders = {
    retryAfterSeconds: COME_AGAIN.has(known.code) ? retry : undefined,
    allow: known instanceof WrongMethod ? known.allow : undefined,
  };
  sendProblem(res, known, headers);
}

export function sendJson(
  res: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  const body = Buffer.from(JSON.stringify(value));
  res.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  res.end(body);
}

const MAX_BODY_BYTES = 1 << 16;

/** Throws DS_MEDIA_TYPE, DS_BODY_TOO_LARGE, DS_BAD_REQUEST. */
export async function readJsonBody(req: IncomingMessage): Promise<{ readonly value: unknown; readonly bytes: Buffer }> {
  const type = (req.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  if (type !== 'application/json') throw publicError('DS_MEDIA_TYPE', 'Expected application/json.');
  const tooLarge = () => publicError('DS_BODY_TOO_LARGE', `A body may have at most ${MAX_BODY_BYTES} bytes.`);
  if (Number(req.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), bytes };
  } catch {
    throw publicError('DS_BAD_REQUEST', 'The body is not valid JSON.');
  }
}

/** A whole number of the query. Throws DS_BAD_REQUEST. */
export function queryInteger(
  query: URLSearchParams,
  name: string,
  [least, most]: readonly [number, number],
): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw publicError('DS_BAD_REQUEST', `Expected \`${name}\` to be an integer from ${least} to ${most}.`);
}
