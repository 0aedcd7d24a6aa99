/** Answers against docs/openapi.json: every status, media type and body must be described there. */
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

interface Operation {
  readonly responses: Readonly<Record<string, { $ref?: string; content?: Record<string, { schema: object }> }>>;
  readonly security?: readonly object[];
}

const DOCUMENT = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Record<string, Operation['responses'][string]> };
};

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
ajv.addSchema(DOCUMENT, 'openapi');
const compiled = new Map<string, ValidateFunction>();

const METHODS = ['get', 'post', 'delete'] as const;

/** Every operation of the document. */
export const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]).map((method) => ({
    path,
    method: method.toUpperCase(),
    isPublic: item[method]?.security?.length === 0,
  })),
);

export function validatorOf(pointer: string): ValidateFunction {
  const known = compiled.get(pointer) ?? ajv.compile({ $ref: `openapi#${pointer}` });
  compiled.set(pointer, known);
  return known;
}

const escapePart = (text: string) => text.replaceAll('~', '~0').replaceAll('/', '~1');

/** What is wrong with an answer; empty when it is as described. */
export async function findDeviations(path: string, method: string, response: Response): Promise<string[]> {
  const name = method.toLowerCase();
  const operation = DOCUMENT.paths[path]?.[name];
  if (!operation) return [`${method} ${path} is not described`];
  const described = operation.responses[String(response.status)];
  if (!described) return [`${method} ${path}: status ${response.status} is not described`];
  const base = described.$ref
    ? described.$ref.slice(1)
    : `/paths/${escapePart(path)}/${name}/responses/${response.status}`;
  const content = (described.$ref ? DOCUMENT.components.responses[described.$ref.split('/').at(-1) ?? ''] : described)
    ?.content;
  const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  if (!content) return type === '' ? [] : [`${method} ${path}: a body of ${type} is not described`];
  if (!content[type] && !content['image/*']) return [`${method} ${path}: ${type} is not described`];
  if (!type.endsWith('json')) return [];
  const validate = validatorOf(`${base}/content/${escapePart(type)}/schema`);
  return validate(await response.clone().json()) ? [] : [`${method} ${path}: ${ajv.errorsText(validate.errors)}`];
}
