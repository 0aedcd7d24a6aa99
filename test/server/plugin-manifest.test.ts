/** `plugin.json` says what the package and the code say, in both directions. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/codec/limits.ts';
import { ENGINE_NAMES } from '../../src/core/engine/runtime.ts';
import * as api from '../../src/index.ts';
import { PARAMETERS } from '../../src/server/http/parameters.ts';
import { allowedValues } from '../../src/server/http/upscale-query.ts';
import { METRICS } from '../../src/server/metrics/definitions.ts';
import { resolveOptions } from '../../src/server/options.ts';
import { Admission } from '../../src/server/service/admission/admission.ts';

const root = new URL('../../', import.meta.url);
const readJson = (path: string) => JSON.parse(readFileSync(new URL(path, root), 'utf8'));
const plugin = readJson('plugin.json');
const hosts: { name: string; range: string; testedWith?: string[]; entry: string }[] = plugin.hosts;
const schema = readJson('docs/plugin.schema.json');
const pack = readJson('package.json');
const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);
const configuration = plugin.configSchema.properties;

describe('the schema', () => {
  test('accepts plugin.json', () => {
    expect(validate(plugin), JSON.stringify(validate.errors)).toBe(true);
  });

  test.each(Object.keys(plugin).filter((key) => key !== '$schema'))('refuses a plugin without %s', (key) => {
    expect(validate({ ...plugin, [key]: undefined })).toBe(false);
  });

  test.each([
    ['at the top', { ...plugin, extra: 1 }],
    ['in the entry', { ...plugin, entry: { ...plugin.entry, extra: 'x' } }],
    ['in a host', { ...plugin, hosts: [{ ...plugin.hosts[0], extra: 1 }] }],
    ['in a model', { ...plugin, models: [{ ...plugin.models[0], extra: 1 }] }],
    ['in a metric', { ...plugin, metrics: [{ ...plugin.metrics[0], extra: 1 }] }],
  ])('refuses an unknown key %s', (_, value) => {
    expect(validate(value)).toBe(false);
  });
});

describe('plugin.json and package.json', () => {
  test.each(['name', 'version', 'license', 'description', 'engines'])('agree on %s', (key) => {
    expect(plugin[key]).toEqual(pack[key]);
  });

  test('name the same entry points', () => {
    expect(pack.exports['.']).toEqual({ types: plugin.entry.types, default: plugin.entry.module });
    expect(pack.bin).toEqual({ [plugin.id]: plugin.entry.command });
    expect(pack.exports['./plugin.json']).toBe('./plugin.json');
  });

  test('plugin.json, its schema and the models are published', () => {
    expect(pack.files).toEqual(expect.arrayContaining(['plugin.json', 'docs', 'models']));
  });

  test('ranges of hosts that are peer dependencies are theirs', () => {
    const ranges = new Map(hosts.map(({ name, range }) => [name, range]));
    for (const name of ['ipx', 'fastify']) expect(ranges.get(name), name).toBe(pack.peerDependencies[name]);
    expect(ranges.get('node:http')).toBe(pack.engines.node);
  });

  /** Where the versions lie that the contract in test/hosts runs on. */
  const installed: Readonly<Record<string, readonly string[]>> = {
    express: ['express', 'express4'],
    fastify: ['fastify'],
    h3: ['h3', 'h3v2'],
    hono: ['hono'],
    ipx: ['ipx', 'ipx4'],
    srvx: ['h3v2/node_modules/srvx'],
  };

  test('hosts are tested with the versions that are installed', () => {
    const versions = Object.entries(installed).map(([name, folders]) => [
      name,
      folders.map((folder) => readJson(`node_modules/${folder}/package.json`).version),
    ]);
    const tested = hosts.flatMap(({ name, testedWith }) => (testedWith ? [[name, testedWith]] : []));
    expect(Object.fromEntries(tested)).toEqual(Object.fromEntries(versions));
  });

  test('docs/hosts.md names every one of them, and every entry', () => {
    const text = readFileSync(new URL('docs/hosts.md', root), 'utf8');
    for (const version of hosts.flatMap(({ testedWith = [] }) => testedWith)) expect(text).toContain(version);
    for (const { entry } of hosts) expect(text).toContain(`\`${entry.replace('.', pack.name)}\``);
  });

  test('every entry of a host is exported, and every export is one', () => {
    const exported = Object.keys(pack.exports).filter((key) => !key.endsWith('.json'));
    expect(new Set(hosts.map(({ entry }) => entry))).toEqual(new Set(exported));
    for (const key of exported) expect(pack.exports[key].default).toMatch(/^\.\/dist\/.*\.js$/);
  });
});

describe('plugin.json and the code', () => {
  test('the factory is exported', () => {
    expect(api).toHaveProperty(plugin.entry.factory, expect.any(Function));
  });

  test('the query parameters have their names', () => {
    expect(plugin.parameters.map(({ name }: { name: string }) => name)).toEqual(PARAMETERS);
  });

  test('every route of the server is listed, and no other', () => {
    const sources = readdirSync(new URL('src/cli/serve/', root)).filter((name) => name.endsWith('.ts'));
    const text = sources.map((name) => readFileSync(new URL(`src/cli/serve/${name}`, root), 'utf8')).join('');
    const routes = [...text.matchAll(/(?:app|router)\.(get|post|put|delete|use)\(\s*'(\/[^']*)'/g)].map(
      ([, verb, path]) =>
        // A mount point serves what is below it.
        verb === 'use' ? `GET ${path}/{name}` : `${verb?.toUpperCase()} ${path?.replace(/:(\w+)/g, '{$1}')}`,
    );
    // These two are mounted where they say.
    if (text.includes('app.use(jobs.handler, createDashboard())')) {
      routes.push('GET /dualscale/{page}', 'GET /dualscale/api/{path}');
    }
    const listed = plugin.endpoints.map(({ method, path }: { method: string; path: string }) => `${method} ${path}`);
    expect(listed.sort()).toEqual(routes.sort());
  });

  test('every metric is listed, with type, labels and help, and no other', () => {
    const defined = Object.entries(METRICS).map(([name, { type, labels, help }]) => ({ name, type, labels, help }));
    expect(plugin.metrics).toEqual(defined);
    for (const { name } of plugin.metrics) expect(name).toMatch(`${plugin.id}_`);
  });

  test('defaults are the ones of the code', () => {
    const resolved = resolveOptions({}) as unknown as Record<string, unknown>;
    for (const name of ['models', 'blindModels', 'degradation', 'engine', 'concurrency', 'queueLimit']) {
      expect(configuration[name].default, name).toEqual(resolved[name]);
    }
    const limits = Object.entries<{ default: number }>(configuration.limits.properties);
    expect(Object.fromEntries(limits.map(([name, limit]) => [name, limit.default]))).toEqual(DEFAULT_LIMITS);
  });

  test('the engines and providers are the ones of the types', () => {
    expect(configuration.engine.enum).toEqual(ENGINE_NAMES);
    const source = readFileSync(new URL('src/core/engine/runtime.ts', root), 'utf8');
    const members = (type: string) => {
      const union = new RegExp(`export type ${type} = (.*);`).exec(source)?.[1] ?? '';
      return union.split(' | ').map((name) => name.replaceAll("'", ''));
    };
    expect(new Set(configuration.provider.enum)).toEqual(
      new Set(['auto', ...members('Provider'), ...members('TfjsBackend')]),
    );
  });

  const bounds = Object.entries({ quality: configuration.quality, ...configuration.limits.properties }) as [
    string,
    { minimum: number; maximum?: number },
  ][];
  test.each(bounds)('the bounds of %s are the ones of the code', (name, { minimum, maximum }) => {
    const withValue = (value: number) =>
      resolveOptions(name === 'quality' ? { quality: value } : { limits: { [name]: value } });
    expect(() => withValue(minimum)).not.toThrow();
    expect(() => withValue(minimum - 1)).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
    if (maximum === undefined) return;
    expect(() => withValue(maximum)).not.toThrow();
    expect(() => withValue(maximum + 1)).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
  });

  test.each(['concurrency', 'queueLimit'])('the least %s is the one of the code', (name) => {
    const { minimum } = configuration[name];
    const admission = (value: number) =>
      new Admission({ concurrency: 1, queueLimit: 0, queueCost: 1, now: () => 0, [name]: value });
    expect(() => admission(minimum)).not.toThrow();
    expect(() => admission(minimum - 1)).toThrow(expect.objectContaining({ code: 'DS_BAD_OPTION' }));
  });
});

const shipped = readdirSync(new URL('models/', root), { withFileTypes: true }).filter((entry) => entry.isDirectory());

describe.skipIf(shipped.length === 0)('plugin.json and models/ (skipped while models/ is empty)', () => {
  test('every model is listed, and no other', () => {
    expect(plugin.models.map(({ id }: { id: string }) => id).sort()).toEqual(shipped.map(({ name }) => name).sort());
  });

  test.each(plugin.models as { id: string; scale: number; manifest: string }[])(
    '$id is what its manifest says',
    (model) => {
      expect(existsSync(new URL(model.manifest, root))).toBe(true);
      const { id, scale } = readJson(model.manifest);
      expect({ id, scale }).toEqual({ id: model.id, scale: model.scale });
    },
  );

  test('the query parameter takes the scales that models have', () => {
    const scales = new Set<number>(plugin.models.map(({ scale }: { scale: number }) => scale));
    expect(plugin.parameters[0].values.map(String)).toEqual(allowedValues([...scales].sort((a, b) => a - b)));
  });
});
