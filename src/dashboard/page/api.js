/** Requests to the job API. */
/** @import { Problem } from '../api-types.ts' */
/** @import { TokenKeeper } from './token.js' */

/** What the API refused: `fields` name what was wrong with the body. */
export class ApiError extends Error {
  /** @param {number} status @param {Partial<Problem>} problem */
  constructor(status, problem) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? '';
    this.fields = problem.errors ?? [];
  }
}

/** @param {Response} response @returns {Promise<ApiError>} */
async function errorOf(response) {
  const problem = await response.json().catch(() => ({}));
  return new ApiError(response.status, problem !== null && typeof problem === 'object' ? problem : {});
}

/**
 * @typedef {object} Api
 * @property {string} base Absolute address, ends with a slash.
 * @property {(path: string, init?: RequestInit) => Promise<Response>} request Asks for the token when it is needed; throws ApiError.
 * @property {(path: string, signal?: AbortSignal) => Promise<any>} get
 * @property {(path: string, body?: unknown, headers?: Record<string, string>) => Promise<any>} post
 */

/** @param {{ base: string, token: TokenKeeper }} parts @returns {Api} */
export function createApi({ base, token }) {
  /** @param {string} path @param {RequestInit} [init] @returns {Promise<Response>} */
  const request = async (path, init = {}) => {
    for (;;) {
      const used = token.current();
      const headers = new Headers(init.headers);
      if (used !== null) headers.set('Authorization', `Bearer ${used}`);
      const response = await fetch(new URL(path, base), { cache: 'no-store', credentials: 'omit', ...init, headers });
      if (response.ok) return response;
      if (response.status !== 401) throw await errorOf(response);
      await token.ask(used);
    }
  };
  return {
    base,
    request,
    async get(path, signal) {
      return (await request(path, { signal, headers: { Accept: 'application/json' } })).json();
    },
    async post(path, body, headers = {}) {
      const init = body === undefined ? {} : { body: JSON.stringify(body) };
      /** @type {Record<string, string>} */
      const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
      const response = await request(path, { method: 'POST', ...init, headers: { ...json, ...headers } });
      return response.status === 204 ? undefined : response.json();
    },
  };
}

/** @param {unknown} error */
export function messageOf(error) {
  if (error instanceof ApiError) return error.message;
  // What fetch says when nobody answers differs from browser to browser.
  if (error instanceof TypeError) return 'The server cannot be reached.';
  return error instanceof Error ? error.message : String(error);
}
