/** Errors as RFC 9457 problems: what the client may see, and which fields are wrong. */
import type { ServerResponse } from 'node:http';
import { DualscaleError, type ErrorCode } from '../../core/errors.ts';

/** One wrong field. */
export interface FieldError {
  /** JSON pointer into the body, e.g. `#/target/latencyMs`. */
  readonly pointer: string;
  /** What was expected, what came. */
  readonly detail: string;
}

/** A request with wrong fields. */
export class FieldProblem extends DualscaleError {
  readonly errors: readonly FieldError[];

  constructor(errors: readonly FieldError[], code: ErrorCode = 'DS_BAD_FIELD') {
    const text = errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ');
    super(code, text, { publicDetail: text });
    this.errors = errors;
  }
}

export interface ProblemHeaders {
  readonly retryAfterSeconds?: number;
  readonly allow?: readonly string[];
}

/** Names of the errors in RFC 9457's sense: stable, and readable in the documentation of errors. */
const typeOf = (code: ErrorCode): string => `urn:dualscale:error:${code.slice(3).toLowerCase().replaceAll('_', '-')}`;

/** Ends the response; one that has begun is cut off, so that nobody takes half of it for the whole. */
export function sendProblem(
  res: ServerResponse,
  error: DualscaleError,
  { retryAfterSeconds, allow }: ProblemHeaders = {},
): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { code, status, publicMessage: detail } = error;
  const title = detail.split('. ')[0]?.replace(/\.?$/, '.') ?? detail;
  const errors = error instanceof FieldProblem ? { errors: error.errors } : {};
  const body = Buffer.from(JSON.stringify({ type: typeOf(code), title, status, detail, code, ...errors }));
  if (status === 401) res.setHeader('WWW-Authenticate', 'Bearer realm="dualscale"');
  if (retryAfterSeconds !== undefined) res.setHeader('Retry-After', retryAfterSeconds);
  if (allow) res.setHeader('Allow', allow.join(', '));
  res.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
  res.setHeader('Content-Length', body.length);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.writeHead(status).end(body);
}
