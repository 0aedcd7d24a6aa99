/** A client of the job API of a running server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { badOption } from '../core/errors.ts';
import type { JobEvent } from '../jobs/events/job-event.ts';

export interface ServerFlags {
  /** Address of the server, with the path of its API unless that is `/dualscale/api`. */
  readonly server: string;
}

const API_PATH = '/dualscale/api';
const POLL_MS = 1000;
const MAX_RETRIES = 60;

interface Problem {
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

/** The server answered and refused, so another try would not help. */
class RefusedError extends Error {}

async function toError(response: Response): Promise<Error> {
  const problem = (await response.json().catch(() => ({}))) as Problem;
  const fields = (problem.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer.slice(1) || '/'}: ${detail}`);
  const what = problem.errors ? 'the request is not valid:' : (problem.detail ?? 'no reason given');
  const hint = response.status === 401 ? ' (set DUALSCALE_TOKEN to the token of the server)' : '';
  return new RefusedError(`${response.status}: ${what}${fields.join('')}${hint}`);
}

function baseUrl(server: string): string {
  let url: URL;
  try {
    url = new URL(server);
  } catch {
    throw badOption('--server', 'an address such as http://127.0.0.1:8080', server);
  }
  const path = url.pathname.replace(/\/+$/, '');
  return `${url.origin}${path === '' ? API_PATH : path}`;
}

/** Methods throw the server's own words for every status but 2xx. The token never appears in an address or a message. */
export class JobsClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ server }: ServerFlags, token = process.env['DUALSCALE_TOKEN']) {
    this.#base = baseUrl(server);
    this.#headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }

  get<Answer>(path: string): Promise<Answer> {
    return this.#send(path, {});
  }

  post<Answer>(path: string, body?: unknown): Promise<Answer> {
    if (body === undefined) return this.#send(path, { method: 'POST' });
    return this.#send(path, { method: 'POST', body: JSON.stringify(body) }, 'application/json');
  }

  /** Sends a file as it is. */
  upload<Answer>(path: string, body: ReadableStream, type: string): Promise<Answer> {
    return this.#send(path, { method: 'POST', body, duplex: 'half' } as RequestInit, type);
  }

  /** Calls `onEvent` once for each event of a job, in order, through lost connections, until it returns false. */
  async follow(job: string, onEvent: (event: JobEvent) => boolean): Promise<void> {
    const taken = { seq: 0 };
    for (let failures = 0; ; await sleep(POLL_MS)) {
      try {
        if (!(await this.#takePages(job, taken, onEvent))) return;
        failures = 0;
      } catch (error) {
        failures += 1;
        // Unless the server refused, it may be restarting.
        if (error instanceof RefusedError || failures > MAX_RETRIES) throw error;
      }
    }
  }

  /** Takes the events after `taken.seq`. Returns false when `take` does not want more. */
  async #takePages(job: string, taken: { seq: number }, take: (event: JobEvent) => boolean): Promise<boolean> {
    for (;;) {
      const page = await this.get<{ readonly events: readonly JobEvent[]; readonly complete: boolean }>(
        `/jobs/${job}/events?after=${taken.seq}`,
      );
      for (const event of page.events) {
        taken.seq = event.seq;
        if (!take(event)) return false;
      }
      if (page.complete) return true;
    }
  }

  async #send<Answer>(path: string, init: RequestInit, type?: string): Promise<Answer> {
    const headers = type === undefined ? this.#headers : { ...this.#headers, 'Content-Type': type };
    const response = await fetch(this.#base + path, { ...init, headers }).catch((cause) => {
      const reason = (cause as { cause?: Error }).cause?.message ?? String(cause);
      throw new Error(`${this.#base} cannot be reached: ${reason}`, { cause });
    });
    if (!response.ok) throw await toError(response);
    return (response.status === 204 ? undefined : await response.json()) as Answer;
  }
}
