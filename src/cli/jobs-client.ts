/** A client of the job API of a running server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { badOption } from '../core/errors.ts';
import type { JobEvent } from '../jobs/events/job-event.ts';

export interface ServerFlags {
  /** Address of the server, with the path of its API where that is another than the usual one. */
  readonly server: string;
}

export interface JobsClient {
  /** The answer's JSON; undefined for an empty one. Throws with the server's words for every other status than 2xx. */
  get<Answer>(path: string): Promise<Answer>;
  post<Answer>(path: string, body?: unknown): Promise<Answer>;
  /** Sends a file as it is. */
  upload<Answer>(path: string, bytes: ReadableStream, type: string): Promise<Answer>;
  /** Events of a job after `after`, in order, none twice, through broken connections; ends when `isEnd` says so. */
  follow(job: string, after: number, onEvent: (event: JobEvent) => boolean): Promise<void>;
}

const API_PATH = '/dualscale/api';
const POLL_MS = 1000;
const MAX_RETRIES = 60;

interface Problem {
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

/** A server that said no: to ask again makes no sense. */
class RefusedError extends Error {}

async function toError(response: Response): Promise<Error> {
  const problem = (await response.json().catch(() => ({}))) as Problem;
  const fields = (problem.errors ?? []).map(({ pointer, detail }) => `\n  ${pointer.slice(1) || '/'}: ${detail}`);
  const what = problem.errors ? 'the request is not valid:' : (problem.detail ?? 'no reason given');
  const hint = response.status === 401 ? ' (DUALSCALE_TOKEN holds the token)' : '';
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

/** @param token never part of an address or of a message. */
export function createJobsClient({ server }: ServerFlags, token: string | undefined): JobsClient {
  const base = baseUrl(server);
  const send = async (path: string, init: RequestInit & { duplex?: 'half' }, headers: Record<string, string> = {}) => {
    const authorization: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const response = await fetch(base + path, { ...init, headers: { ...authorization, ...headers } }).catch((cause) => {
      const reason = (cause as { cause?: Error }).cause?.message ?? String(cause);
      throw new Error(`${base} cannot be reached: ${reason}`, { cause });
    });
    if (!response.ok) throw await toError(response);
    return response;
  };
  const toJson = async <Answer>(response: Response) =>
    (response.status === 204 ? undefined : await response.json()) as Answer;

  /** Takes what happened after `taken.seq`. Gives false when `take` has had enough. */
  const takePages = async (job: string, taken: { seq: number }, take: (event: JobEvent) => boolean) => {
    for (;;) {
      const response = await send(`/jobs/${job}/events?after=${taken.seq}`, {});
      const page = (await response.json()) as { readonly events: readonly JobEvent[]; readonly complete: boolean };
      for (const event of page.events) {
        taken.seq = event.seq;
        if (!take(event)) return false;
      }
      if (page.complete) return true;
    }
  };

  return {
    get: async (path) => toJson(await send(path, {})),
    async post(path, body) {
      if (body === undefined) return toJson(await send(path, { method: 'POST' }));
      const headers = { 'Content-Type': 'application/json' };
      return toJson(await send(path, { method: 'POST', body: JSON.stringify(body) }, headers));
    },
    upload: async (path, bytes, type) =>
      toJson(
        await send(path, { method: 'POST', body: bytes, duplex: 'half' } as RequestInit, { 'Content-Type': type }),
      ),
    async follow(job, after, onEvent) {
      const taken = { seq: after };
      for (let failures = 0; ; await sleep(POLL_MS)) {
        try {
          if (!(await takePages(job, taken, onEvent))) return;
          failures = 0;
        } catch (error) {
          failures += 1;
          // Unless the server refused, it may be restarting.
          if (error instanceof RefusedError || failures > MAX_RETRIES) throw error;
        }
      }
    },
  };
}
