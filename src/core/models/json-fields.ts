/** Reads the fields of an object that was parsed from JSON; every failure names the field, what was expected, what came. */
import { DualscaleError } from '../errors.ts';

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

export class JsonFields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;

  /**
   * @param path name of the object in messages, '' for the whole file.
   * @param known every field it may have; others are refused, so a misspelt one does not pass silently.
   */
  constructor(value: unknown, path: string, known: readonly string[]) {
    this.#path = path;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.#bad('', 'an object', value);
    }
    this.#fields = value as Readonly<Record<string, unknown>>;
    for (const name of Object.keys(value)) {
      if (!known.includes(name) && this.#fields[name] !== undefined)
        throw this.#bad(name, `absent (known: ${known.join(', ')})`, this.#fields[name]);
    }
  }

  #bad(name: string, expected: string, got: unknown): DualscaleError {
    const path = [this.#path, name].filter(Boolean).join('.') || 'the file';
    return new DualscaleError('DS_BAD_MODEL', `expected \`${path}\` to be ${expected}, got \`${show(got)}\``);
  }

  raw(name: string): unknown {
    return this.#fields[name];
  }

  /** A text of 1 to `maxLength` characters. */
  text(name: string, maxLength = 500): string {
    const value = this.#fields[name];
    if (typeof value !== 'string' || value === '' || value.length > maxLength) {
      throw this.#bad(name, `a text of 1 to ${maxLength} characters`, value);
    }
    return value;
  }

  /** A text that matches; `expected` says in words what. */
  pattern(name: string, pattern: RegExp, expected: string): string {
    const value = this.#fields[name];
    if (typeof value !== 'string' || !pattern.test(value)) throw this.#bad(name, expected, value);
    return value;
  }

  oneOf<Choice extends string | number>(name: string, choices: readonly Choice[]): Choice {
    const choice = choices.find((allowed) => allowed === this.#fields[name]);
    if (choice === undefined) throw this.#bad(name, `one of ${choices.join(', ')}`, this.#fields[name]);
    return choice;
  }

  number(name: string, min: number, max: number): number {
    const value = this.#fields[name];
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      throw this.#bad(name, `a number from ${min} to ${max}`, value);
    }
    return value;
  }

  integer(name: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
    const value = this.#fields[name];
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
      throw this.#bad(name, `an integer from ${min} to ${max}`, value);
    }
    return value as number;
  }

  /** A whole number that follows from another field. */
  exactly(name: string, expected: number, why: string): number {
    const value = this.#fields[name];
    if (value !== expected) throw this.#bad(name, `${expected} (${why})`, value);
    return expected;
  }

  /** Day of a measurement or a training run, as ISO 8601: `2026-11-22` or with a time. */
  date(name: string): string {
    const value = this.pattern(name, /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z)?$/, 'an ISO 8601 date in UTC');
    if (Number.isNaN(Date.parse(value))) throw this.#bad(name, 'a day of the calendar', value);
    return value;
  }

  list<Item>(name: string, read: (item: unknown, path: string) => Item, maxLength = 1000): readonly Item[] {
    const value = this.#fields[name];
    if (!Array.isArray(value) || value.length > maxLength) {
      throw this.#bad(name, `a list of at most ${maxLength} items`, value);
    }
    return value.map((item, index) => read(item, `${this.#path === '' ? '' : `${this.#path}.`}${name}[${index}]`));
  }
}
