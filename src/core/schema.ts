/** Checks values against JSON Schemas that are kept as plain data; documents are generated from the same data. */
import { badOption } from './errors.ts';

type SchemaType = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';

/** The part of JSON Schema 2020-12 that this project uses, and four fields of its own that `toJsonSchema` leaves out. */
export interface Schema {
  readonly type?: SchemaType | readonly SchemaType[];
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly default?: unknown;
  readonly description?: string;
  /** What is expected, in words, where the words made from the other fields would not do. */
  readonly expected?: string;
  /** For what JSON cannot hold: functions, regular expressions, objects of the running program. */
  readonly isRight?: (value: unknown) => boolean;
  /** Never shown in a message. */
  readonly isSecret?: boolean;
  /** The default in words, where it depends on the machine. */
  readonly defaultText?: string;
}

/** A schema that has every field of an options type. */
export type SchemaOf<Options> = Schema & { readonly properties: Readonly<Record<keyof Options, Schema>> };

export interface SchemaProblem {
  readonly path: readonly (string | number)[];
  readonly expected: string;
  readonly got: unknown;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An `isRight` of loggers. */
export const isLogger = (value: unknown): boolean =>
  isObject(value) && ['info', 'warn', 'error'].every((name) => typeof value[name] === 'function');

const HAS_TYPE: Readonly<Record<SchemaType, (value: unknown) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number' && !Number.isNaN(value),
  integer: Number.isSafeInteger,
  boolean: (value) => typeof value === 'boolean',
};

const typesOf = ({ type }: Schema): readonly SchemaType[] => (type === undefined ? [] : [type].flat());

function describeRange({ minimum, maximum, exclusiveMinimum }: Schema): string {
  const from = exclusiveMinimum === undefined ? minimum : exclusiveMinimum;
  const start = from === undefined ? '' : ` ${exclusiveMinimum === undefined ? 'from' : 'above'} ${from}`;
  return maximum === undefined ? start : `${start}${exclusiveMinimum === undefined ? '' : ' and'} to ${maximum}`;
}

function describeType(schema: Schema, type: SchemaType): string {
  const { minItems, maxItems, properties } = schema;
  switch (type) {
    case 'integer':
      return `an integer${describeRange(schema)}`;
    case 'number':
      return `a number${describeRange(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return schema.minLength === undefined ? 'a text' : `a text of at least ${schema.minLength} characters`;
    case 'array':
      return minItems === undefined || maxItems === undefined ? 'a list' : `a list of ${minItems} to ${maxItems}`;
    case 'object':
      return properties ? `an object with ${Object.keys(properties).join(', ')}` : 'an object';
  }
}

/** What a value has to be, as messages and tables say it. */
export function describeSchema(schema: Schema): string {
  if (schema.expected !== undefined) return schema.expected;
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  return typesOf(schema)
    .map((type) => describeType(schema, type))
    .join(' or ');
}

function isNumberInRange({ minimum, maximum, exclusiveMinimum }: Schema, value: number): boolean {
  // Without an upper end infinity means never; a least value is one to be reached, which infinity is not.
  if (minimum !== undefined && !(Number.isFinite(value) && value >= minimum)) return false;
  if (maximum !== undefined && value > maximum) return false;
  return exclusiveMinimum === undefined || value > exclusiveMinimum;
}

/** Whether the value itself is right; its fields and items are looked at after it. */
function isRightItself(schema: Schema, value: unknown): boolean {
  const types = typesOf(schema);
  if (schema.isRight && !schema.isRight(value)) return false;
  if (schema.enum && !schema.enum.includes(value as string)) return false;
  if (types.length > 0 && !types.some((type) => HAS_TYPE[type](value))) return false;
  if (typeof value === 'number') return isNumberInRange(schema, value);
  if (typeof value === 'string') {
    return value.length >= (schema.minLength ?? 0) && (!schema.pattern || new RegExp(schema.pattern, 'u').test(value));
  }
  if (!Array.isArray(value)) return true;
  return value.length >= (schema.minItems ?? 0) && value.length <= (schema.maxItems ?? Number.POSITIVE_INFINITY);
}

type Path = SchemaProblem['path'];

function* findFieldProblems(schema: Schema, value: object, path: Path): Generator<SchemaProblem> {
  const { properties = {}, required = [], additionalProperties = true, propertyNames } = schema;
  for (const name of required) {
    if ((value as Readonly<Record<string, unknown>>)[name] !== undefined) continue;
    yield { path: [...path, name], expected: describeSchema(properties[name] ?? {}), got: undefined };
  }
  for (const [name, field] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (known === false) {
      const expected = `one of ${Object.keys(properties).join(', ')}`;
      yield { path: [...path, name], expected, got: 'an unknown option' };
      continue;
    }
    if (propertyNames && !isRightItself(propertyNames, name)) {
      yield { path, expected: describeSchema(propertyNames), got: name };
    }
    if (known !== true && field !== undefined) yield* findProblems(known, field, [...path, name]);
  }
}

/** Everything that is wrong with a value, the first mistake first. Nothing is computed before it is asked for. */
export function* findProblems(schema: Schema, value: unknown, path: Path = []): Generator<SchemaProblem> {
  if (!isRightItself(schema, value)) {
    yield { path, expected: describeSchema(schema), got: schema.isSecret ? 'something else' : value };
    return;
  }
  if (isObject(value)) yield* findFieldProblems(schema, value, path);
  if (!Array.isArray(value) || !schema.items) return;
  for (const [i, item] of value.entries()) yield* findProblems(schema.items, item, [...path, i]);
}

/** `traffic.deny[0]`. */
function pathText(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

/** @throws DS_BAD_OPTION naming the option, what was expected and what came. */
export function checkOptions(schema: Schema, options: unknown): void {
  for (const { path, expected, got } of findProblems(schema, options)) {
    throw badOption(pathText(path) || 'options', expected, got);
  }
}

/** The options, with the schema's defaults in place of those of `names` that are absent. */
export function withDefaults<Options extends object, Name extends keyof Options & string>(
  { properties }: { readonly properties: Readonly<Record<Name, Schema>> },
  options: Options,
  names: readonly Name[],
): Options & Required<Pick<Options, Name>> {
  const filled = names.map((name) => [name, options[name] ?? properties[name].default]);
  return { ...options, ...(Object.fromEntries(filled) as Required<Pick<Options, Name>>) };
}

function describeDefault({ description, defaultText }: Schema): string | undefined {
  return description === undefined || defaultText === undefined
    ? description
    : `${description} Default: ${defaultText}.`;
}

/** As other programs read it: without what only this one understands, a default in words as part of the description. */
export function toJsonSchema(schema: Schema): object {
  const { expected: _, isRight: _isRight, isSecret: _isSecret, defaultText: _text, ...plain } = schema;
  const { properties, items, propertyNames, additionalProperties } = schema;
  const fields = Object.entries(properties ?? {}).map(([name, field]) => [name, toJsonSchema(field)]);
  return {
    ...plain,
    description: describeDefault(schema),
    properties: properties && Object.fromEntries(fields),
    items: items && toJsonSchema(items),
    propertyNames: propertyNames && toJsonSchema(propertyNames),
    additionalProperties:
      typeof additionalProperties === 'object' ? toJsonSchema(additionalProperties) : additionalProperties,
  };
}
