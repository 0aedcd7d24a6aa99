/** The body of `POST /jobs`: every field checked, every wrong one named, defaults filled in. */

import {
  BUDGET_NAMES,
  type Budget,
  type DataSources,
  JOB_TYPES,
  type JobRequest,
  type JobType,
  type Target,
} from '../queue/job.ts';
import { type FieldError, FieldProblem } from './api-problem.ts';

const MODEL_ID = /^(?=.{1,64}$)[a-z0-9]+(?:-[a-z0-9]+)*$/;
const UPLOAD_ID = /^upload-[a-z0-9]{16}$/;
const MAX_SOURCES = 16;
const MAX_DROP_DB: Readonly<Record<JobType, number>> = { compress: 0.5, finetune: 0, train: 10 };

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** Notes down what is wrong instead of throwing: one answer then names all of it. */
class Checker {
  readonly errors: FieldError[] = [];

  /** Gives `undefined`, whatever type is asked for, after it has noted the mistake: the request is refused in the end. */
  wrong<Value>(path: string, expected: string, got: unknown): Value {
    this.errors.push({ pointer: `#${path}`, detail: `expected ${expected}, got ${show(got)}` });
    return undefined as Value;
  }

  known(path: string, value: Fields, names: readonly string[]): void {
    for (const name of Object.keys(value)) {
      if (names.includes(name)) continue;
      const pointer = `${path}/${name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`;
      this.wrong(pointer, `no such field (known: ${names.join(', ')})`, value[name]);
    }
  }

  number(
    path: string,
    value: unknown,
    { least = 0, most = Number.MAX_SAFE_INTEGER, whole = false, above = false },
  ): number {
    const isRight =
      typeof value === 'number' &&
      Number.isFinite(value) &&
      (above ? value > least : value >= least) &&
      value <= most &&
      (!whole || Number.isSafeInteger(value));
    if (isRight) return value;
    return this.wrong(
      path,
      `${whole ? 'an integer' : 'a number'} ${above ? 'above' : 'from'} ${least} to ${most}`,
      value,
    );
  }

  oneOf<Choice extends string>(path: string, value: unknown, choices: readonly Choice[]): Choice {
    return choices.find((choice) => choice === value) ?? this.wrong(path, `one of ${choices.join(', ')}`, value);
  }

  matching(path: string, value: unknown, pattern: RegExp, expected: string): string {
    return typeof value === 'string' && pattern.test(value) ? value : this.wrong(path, expected, value);
  }

  texts(path: string, value: unknown, pattern: RegExp, expected: string): string[] {
    if (!Array.isArray(value) || value.length === 0 || value.length > MAX_SOURCES) {
      return this.wrong(path, `a list of 1 to ${MAX_SOURCES} entries`, value);
    }
    return value.map((item, i) => this.matching(`${path}/${i}`, item, pattern, expected));
  }
}

/** Sides of the picture that latency is measured on: more would take the machine's memory. */
const SIDE = { least: 8, most: 2048, whole: true };

function parseTarget(check: Checker, value: unknown): Target {
  if (!isObject(value)) return check.wrong('/target', 'an object with latencyMs, ratio or macs', value);
  const kinds = ['latencyMs', 'ratio', 'macs'].filter((name) => value[name] !== undefined);
  if (kinds.length !== 1) return check.wrong('/target', 'exactly one of latencyMs, ratio and macs', value);
  if (kinds[0] === 'ratio') {
    check.known('/target', value, ['ratio']);
    return { ratio: check.number('/target/ratio', value['ratio'], { least: 0.05, most: 0.95 }) };
  }
  if (kinds[0] === 'macs') {
    check.known('/target', value, ['macs']);
    return { macs: check.number('/target/macs', value['macs'], { least: 1, most: 1e15, whole: true }) };
  }
  check.known('/target', value, ['latencyMs', 'width', 'height', 'percentile', 'engine']);
  const { width = 256, height = 256, percentile = 50, engine = 'onnx' } = value;
  return {
    latencyMs: check.number('/target/latencyMs', value['latencyMs'], { above: true, most: 3_600_000 }),
    width: check.number('/target/width', width, SIDE),
    height: check.number('/target/height', height, SIDE),
    percentile: check.number('/target/percentile', percentile, { least: 1, most: 99, whole: true }),
    engine: check.oneOf('/target/engine', engine, ['onnx']),
  };
}

/** No absolute paths, no steps upwards, no empty parts: the rest is checked against the folders that are allowed. */
const FOLDER = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9][^\\\0/]{0,127}(?:\/[^\\\0/]{1,255}){0,16}$/;

function parseData(check: Checker, value: unknown): DataSources {
  if (!isObject(value)) return check.wrong('/data', 'an object with folders, uploads or traffic', value);
  check.known('/data', value, ['folders', 'uploads', 'traffic']);
  const { folders, uploads, traffic } = value;
  if (traffic !== undefined && typeof traffic !== 'boolean') check.wrong('/data/traffic', 'true or false', traffic);
  if (folders === undefined && uploads === undefined && traffic !== true) {
    check.wrong('/data', 'at least one of folders, uploads and traffic', value);
  }
  const folder = 'the name of an allowed root, with or without a path below it';
  return {
    folders: folders === undefined ? undefined : check.texts('/data/folders', folders, FOLDER, folder),
    uploads:
      uploads === undefined ? undefined : check.texts('/data/uploads', uploads, UPLOAD_ID, 'the id of an upload'),
    traffic: traffic === true ? traffic : undefined,
  };
}

function parseBudget(check: Checker, value: unknown): Budget {
  if (typeof value === 'string') return check.oneOf('/budget', value, BUDGET_NAMES);
  if (!isObject(value)) return check.wrong('/budget', `one of ${BUDGET_NAMES.join(', ')}, or an object`, value);
  const [name, ...others] = Object.keys(value);
  if (others.length > 0 || (name !== 'minutes' && name !== 'steps')) {
    return check.wrong('/budget', 'exactly one of minutes and steps', value);
  }
  if (name === 'steps')
    return { steps: check.number('/budget/steps', value['steps'], { least: 1, most: 1e9, whole: true }) };
  return { minutes: check.number('/budget/minutes', value['minutes'], { above: true, most: 43_200 }) };
}

const NAMES = ['type', 'model', 'target', 'data', 'budget', 'maxPsnrDropDb', 'publish', 'name'];

/** @throws FieldProblem with every wrong field. */
export function parseJobRequest(body: unknown): JobRequest {
  if (!isObject(body)) throw new FieldProblem([{ pointer: '#', detail: `expected an object, got ${show(body)}` }]);
  const check = new Checker();
  check.known('', body, NAMES);
  const type = check.oneOf('/type', body['type'], JOB_TYPES);
  const { target, budget = 'standard', maxPsnrDropDb = MAX_DROP_DB[type] ?? 0, publish = 'manual', name } = body;
  if (type === 'compress' && target === undefined) check.wrong('/target', 'given with compress', target);
  if (type !== 'compress' && type !== undefined && target !== undefined) {
    check.wrong('/target', `absent with ${type}`, target);
  }
  const words = 'lower-case words joined by `-`, at most 64 characters';
  const request: JobRequest = {
    type,
    model: check.matching('/model', body['model'], MODEL_ID, words),
    target: target === undefined ? undefined : parseTarget(check, target),
    data: parseData(check, body['data']),
    budget: parseBudget(check, budget),
    maxPsnrDropDb: check.number('/maxPsnrDropDb', maxPsnrDropDb, { most: 100 }),
    publish: check.oneOf('/publish', publish, ['auto', 'manual']),
    name: name === undefined ? undefined : check.matching('/name', name, MODEL_ID, words),
  };
  if (check.errors.length > 0) throw new FieldProblem(check.errors.slice(0, 50));
  return request;
}
