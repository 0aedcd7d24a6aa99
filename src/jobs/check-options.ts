/** What an option of `createJobs` that holds more than a number may be. */
import type { Provider } from '../core/engine/runtime.ts';
import { badOption } from '../core/errors.ts';
import type { TrafficOptions } from './data/traffic.ts';
import type { JobsOptions } from './jobs-options.ts';
import type { RollbackOptions } from './rollout/rollback-watch.ts';

interface Rule {
  readonly expected: string;
  readonly isRight: (value: unknown) => boolean;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

const from = (low: number, high = Number.POSITIVE_INFINITY): Rule => ({
  expected: high === Number.POSITIVE_INFINITY ? `a number from ${low}` : `a number from ${low} to ${high}`,
  isRight: (value) => isNumber(value) && value >= low && value <= high,
});
/** Without an end: infinity means never. */
const above = (low: number): Rule => ({
  expected: `a number above ${low}`,
  isRight: (value) => typeof value === 'number' && value > low,
});
const integer = (low: number, high: number = Number.MAX_SAFE_INTEGER): Rule => ({
  expected: high === Number.MAX_SAFE_INTEGER ? `an integer from ${low}` : `an integer from ${low} to ${high}`,
  isRight: (value) => Number.isSafeInteger(value) && Number(value) >= low && Number(value) <= high,
});
const patterns: Rule = { expected: 'a list of regular expressions', isRight: Array.isArray };

const ROLLBACK: Readonly<Record<keyof RollbackOptions, Rule>> = {
  watchSeconds: from(0),
  minRequests: integer(1),
  maxErrorRate: from(0, 1),
  maxLatencyRatio: above(0),
};

const TRAFFIC: Readonly<Record<keyof TrafficOptions, Rule>> = {
  maxPictures: integer(1, 100_000),
  maxBytes: integer(1),
  retentionDays: above(0),
  allow: patterns,
  deny: patterns,
};

const PROVIDERS: readonly Provider[] = ['cpu', 'webgpu', 'cuda', 'tensorrt'];
/** As browsers send it: no path, not even a slash. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/]+$/;

function checkRule(name: string, value: unknown, { expected, isRight }: Rule): void {
  if (value !== undefined && !isRight(value)) throw badOption(name, expected, value);
}

function checkFields(name: string, value: unknown, rules: Readonly<Record<string, Rule>>): void {
  if (value === undefined) return;
  const known = Object.keys(rules);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badOption(name, `an object with ${known.join(', ')}`, value);
  }
  for (const [field, given] of Object.entries(value)) {
    const rule = Object.hasOwn(rules, field) ? rules[field] : undefined;
    if (!rule) throw badOption(`${name}.${field}`, `one of ${known.join(', ')}`, 'an unknown option');
    if (given !== undefined) checkRule(`${name}.${field}`, given, rule);
  }
}

function checkItems(name: string, value: unknown, rule: Rule): void {
  if (Array.isArray(value)) for (const [i, item] of value.entries()) checkRule(`${name}[${i}]`, item, rule);
}

/** Throws DS_BAD_OPTION. */
export function checkGroups({ rollback, traffic, provider, origins, logger }: JobsOptions): void {
  checkFields('rollback', rollback, ROLLBACK);
  checkFields('traffic', traffic, TRAFFIC);
  const isPattern = { expected: 'a regular expression', isRight: (item: unknown) => item instanceof RegExp };
  checkItems('traffic.allow', traffic?.allow, isPattern);
  checkItems('traffic.deny', traffic?.deny, isPattern);
  checkRule('provider', provider, {
    expected: `one of ${PROVIDERS.join(', ')}`,
    isRight: (value) => PROVIDERS.some((known) => known === value),
  });
  checkRule('origins', origins, { expected: 'a list of origins', isRight: Array.isArray });
  checkItems('origins', origins, {
    expected: 'an origin such as https://admin.example',
    isRight: (item) => typeof item === 'string' && ORIGIN.test(item),
  });
  checkRule('logger', logger, {
    expected: 'an object with the functions info, warn and error',
    isRight: (value) =>
      typeof value === 'object' &&
      ['info', 'warn', 'error'].every((name) => typeof (value as never)?.[name] === 'function'),
  });
}
