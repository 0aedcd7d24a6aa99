/** Every error the library throws on purpose: code, HTTP status, and the text a client may see. */

interface ErrorSpec {
  readonly status: number;
  readonly publicMessage: string;
}

export const ERRORS = {
  DS_BAD_PARAMETER: { status: 400, publicMessage: 'A query parameter is not valid.' },
  DS_BAD_SIGNATURE: { status: 403, publicMessage: 'The URL signature is missing or invalid.' },
  DS_UNSUPPORTED_IMAGE: { status: 415, publicMessage: 'This image format cannot be upscaled.' },
  DS_BAD_IMAGE: { status: 422, publicMessage: 'The image could not be decoded.' },
  DS_INPUT_TOO_LARGE: { status: 413, publicMessage: 'The image is too large to upscale.' },
  DS_OUTPUT_TOO_LARGE: { status: 413, publicMessage: 'The upscaled image would be too large.' },
  DS_BUSY: { status: 503, publicMessage: 'Too many images are being upscaled.' },
  DS_CLOSING: { status: 503, publicMessage: 'The server is shutting down.' },
  DS_NO_ROOM: { status: 503, publicMessage: 'There is not enough disk space for a picture of this size.' },
  DS_DEADLINE: { status: 503, publicMessage: 'The image was not ready in time.' },
  DS_UPSTREAM: { status: 502, publicMessage: 'The image server behind this one cannot be reached.' },
  DS_UPSTREAM_TIMEOUT: { status: 504, publicMessage: 'The image server behind this one took too long.' },
  DS_ABORTED: { status: 499, publicMessage: 'The request was cancelled.' },
  DS_WORKER_CRASHED: { status: 503, publicMessage: 'The image could not be upscaled.' },
  DS_ENGINE: { status: 500, publicMessage: 'The image could not be upscaled.' },
  DS_BAD_OPTION: { status: 500, publicMessage: 'The server is not configured correctly.' },
  DS_BAD_MODEL: { status: 500, publicMessage: 'The model could not be loaded.' },
  DS_MODEL_NOT_FOUND: { status: 404, publicMessage: 'The model was not found.' },
  DS_BAD_DATA: { status: 422, publicMessage: 'The data set cannot be used.' },
  DS_BAD_REQUEST: { status: 400, publicMessage: 'The request is malformed.' },
  DS_BAD_FIELD: { status: 422, publicMessage: 'A field of the request is not valid.' },
  DS_UNAUTHORIZED: { status: 401, publicMessage: 'A valid token is required.' },
  DS_FORBIDDEN: { status: 403, publicMessage: 'This origin is not allowed.' },
  DS_NOT_FOUND: { status: 404, publicMessage: 'Not found.' },
  DS_METHOD: { status: 405, publicMessage: 'This method is not allowed here.' },
  DS_CONFLICT: { status: 409, publicMessage: 'The request conflicts with the current state.' },
  DS_BODY_TOO_LARGE: { status: 413, publicMessage: 'The body is too large.' },
  DS_MEDIA_TYPE: { status: 415, publicMessage: 'The media type is not supported.' },
  DS_TOO_MANY: { status: 429, publicMessage: 'Too many requests.' },
  DS_NO_SPACE: { status: 507, publicMessage: 'There is not enough disk space.' },
  DS_JOB_FAILED: { status: 500, publicMessage: 'The job failed.' },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;

/** Refusals that come by the hundred per second when a server is busy or goes. Nobody looks for a mistake in them, and a stack costs more than the answer. */
const WITHOUT_STACK: ReadonlySet<ErrorCode> = new Set(['DS_BUSY', 'DS_CLOSING']);

/**
 * `message` is for the log and may name files and values. `publicMessage` is the table's text, followed by
 * `publicDetail` where one is given: only what the client itself sent and what is allowed, never a path.
 */
export class DualscaleError extends Error {
  override readonly name = 'DualscaleError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly publicMessage: string;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly publicDetail?: string; readonly cause?: unknown } = {},
  ) {
    const { stackTraceLimit } = Error;
    if (WITHOUT_STACK.has(code)) Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.status = ERRORS[code].status;
    this.publicMessage = options.publicDetail
      ? `${ERRORS[code].publicMessage} ${options.publicDetail}`
      : ERRORS[code].publicMessage;
  }
}

/** An error whose text the client may see. */
export function publicError(code: ErrorCode, publicDetail: string): DualscaleError {
  return new DualscaleError(code, publicDetail, { publicDetail });
}

/** The one form in which a bad option is reported: its name, what was expected, what came. */
export function badOption(name: string, expected: string, got: unknown): DualscaleError {
  return new DualscaleError('DS_BAD_OPTION', `expected \`${name}\` to be ${expected}, got \`${String(got)}\``);
}
