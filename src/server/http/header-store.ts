/** Response headers as every host has them: `Headers` of the fetch API fits as it is. */
import type { ServerResponse } from 'node:http';

export interface HeaderStore {
  /** Values of a repeated header joined by `, `; nullish where it is absent. */
  get(name: string): string | null | undefined;
  set(name: string, value: string): void;
  append(name: string, value: string): void;
  delete(name: string): void;
}

export function nodeHeaders(res: ServerResponse): HeaderStore {
  return {
    get(name) {
      const value = res.getHeader(name);
      return Array.isArray(value) ? value.join(', ') : value === undefined ? undefined : String(value);
    },
    set: (name, value) => void res.setHeader(name, value),
    append: (name, value) => void res.appendHeader(name, value),
    delete: (name) => res.removeHeader(name),
  };
}
