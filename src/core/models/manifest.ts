/** `manifest.json` of a model: what it is, how it was made, and what was measured. */

import { createNetwork } from '../network/create-network.ts';
import { countMacs, countParameters } from '../network/network.ts';
import { parseSpec } from '../network/parse-spec.ts';
import type { NetworkSpec } from '../network/spec.ts';
import { JsonFields } from './json-fields.ts';
import type { StoredDtype } from './safetensors.ts';

export interface ModelCost {
  readonly parameters: number;
  readonly macs: {
    /** What one more LR pixel costs. */
    readonly perLrPixel: number;
    /** For a 1280 x 720 output, as the tables of the papers count. */
    readonly for1280x720: number;
  };
}

export interface Provenance {
  /** Version of this package that trained the model. */
  readonly trainer: string;
  /** What it was trained on, in words: origin, number of images, how they were prepared. */
  readonly data: string;
  readonly seeds: readonly number[];
  /** Optimiser steps in total. */
  readonly steps: number;
  /** The options of the training run, by name. */
  readonly recipe: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly date: string;
  readonly machine: string;
}

export interface QualityEntry {
  /** Name of the test set, e.g. `Set5`. */
  readonly set: string;
  readonly scale: number;
  readonly psnrDb: number;
  readonly ssim: number;
  /** How it was measured: colour space, border, rounding. */
  readonly protocol: string;
  readonly command: string;
  readonly date: string;
}

export interface LatencyEntry {
  readonly device: string;
  readonly engine: string;
  readonly provider: string;
  readonly threads: number;
  /** LR pixels. */
  readonly inputWidth: number;
  /** LR pixels. */
  readonly inputHeight: number;
  readonly medianMs: number;
  readonly runs: number;
  readonly date: string;
  readonly command: string;
}

export interface ModelManifest extends ModelCost {
  readonly manifestVersion: 1;
  /** Lower-case words joined by `-`; also the name of the model's folder. */
  readonly id: string;
  readonly version: string;
  readonly license: string;
  readonly spec: NetworkSpec;
  readonly scale: number;
  /**
   * How the training images were made small: the model undoes this and nothing else. `bicubic`: by that alone. `blind`:
   * after random blur, with noise and compression, as its recipe says.
   */
  readonly degradation: 'bicubic' | 'blind';
  readonly weights: { readonly file: string; readonly sha256: string; readonly dtype: StoredDtype };
  readonly provenance: Provenance;
  readonly quality: readonly QualityEntry[];
  readonly latency: readonly LatencyEntry[];
}

const MODEL_ID = /^(?=.{1,64}$)[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** Model ids become folder names and come from requests: nothing but lower-case words, at most 64 characters. */
export function isModelId(text: string): boolean {
  return MODEL_ID.test(text);
}

/** Size and cost that follow from the spec alone. */
export function modelCost(spec: NetworkSpec): ModelCost {
  const network = createNetwork(spec);
  return {
    parameters: countParameters(network),
    macs: {
      perLrPixel: countMacs(network, 2, 1) - countMacs(network, 1, 1),
      for1280x720: Math.round(countMacs(network, 1280 / spec.scale, 720 / spec.scale)),
    },
  };
}

function parseRecipe(value: unknown): Provenance['recipe'] {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const fields = new JsonFields(value, 'provenance.recipe', names);
  const given = names.filter((name) => fields.raw(name) !== undefined);
  return Object.fromEntries(
    given.map((name) => {
      const item = fields.raw(name);
      if (typeof item === 'boolean') return [name, item];
      return [name, typeof item === 'number' ? fields.number(name, -1e300, 1e300) : fields.text(name)];
    }),
  );
}

function parseProvenance(value: unknown): Provenance {
  const names = ['trainer', 'data', 'seeds', 'steps', 'recipe', 'date', 'machine'];
  const fields = new JsonFields(value, 'provenance', names);
  return {
    trainer: fields.text('trainer'),
    data: fields.text('data', 2000),
    seeds: fields.list('seeds', (seed, path) => new JsonFields({ seed }, path, ['seed']).integer('seed', 0)),
    steps: fields.integer('steps', 0),
    recipe: parseRecipe(fields.raw('recipe')),
    date: fields.date('date'),
    machine: fields.text('machine'),
  };
}

function parseQuality(value: unknown, path: string): QualityEntry {
  const fields = new JsonFields(value, path, ['set', 'scale', 'psnrDb', 'ssim', 'protocol', 'command', 'date']);
  return {
    set: fields.text('set'),
    scale: fields.integer('scale', 2, 8),
    psnrDb: fields.number('psnrDb', 0, 200),
    ssim: fields.number('ssim', -1, 1),
    protocol: fields.text('protocol'),
    command: fields.text('command'),
    date: fields.date('date'),
  };
}

function parseLatency(value: unknown, path: string): LatencyEntry {
  const names = ['device', 'engine', 'provider', 'threads', 'inputWidth', 'inputHeight'];
  const fields = new JsonFields(value, path, [...names, 'medianMs', 'runs', 'date', 'command']);
  return {
    device: fields.text('device'),
    engine: fields.text('engine'),
    provider: fields.text('provider'),
    threads: fields.integer('threads', 1, 4096),
    inputWidth: fields.integer('inputWidth', 1, 1_000_000),
    inputHeight: fields.integer('inputHeight', 1, 1_000_000),
    medianMs: fields.number('medianMs', 0, 1e9),
    runs: fields.integer('runs', 1),
    date: fields.date('date'),
    command: fields.text('command'),
  };
}

function parseWeights(value: unknown): ModelManifest['weights'] {
  const fields = new JsonFields(value, 'weights', ['file', 'sha256', 'dtype']);
  return {
    // A plain name: the weights lie beside the manifest, never anywhere else.
    file: fields.pattern(
      'file',
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.safetensors$/,
      'the name of a .safetensors file beside the manifest',
    ),
    sha256: fields.pattern('sha256', /^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits'),
    dtype: fields.oneOf('dtype', ['float32', 'float16']),
  };
}

function parseCost(fields: JsonFields, spec: NetworkSpec): ModelCost {
  const cost = modelCost(spec);
  const macs = new JsonFields(fields.raw('macs'), 'macs', ['perLrPixel', 'for1280x720']);
  return {
    parameters: fields.exactly('parameters', cost.parameters, 'as the spec has'),
    macs: {
      perLrPixel: macs.exactly('perLrPixel', cost.macs.perLrPixel, 'as the spec costs'),
      for1280x720: macs.exactly('for1280x720', cost.macs.for1280x720, 'as the spec costs'),
    },
  };
}

const NAMES = ['manifestVersion', 'id', 'version', 'license', 'spec', 'scale', 'degradation', 'parameters', 'macs'];

/**
 * @param value parsed JSON of unknown origin.
 * @throws DS_BAD_MODEL naming the field, what was expected and what came; unknown fields are refused.
 */
export function parseManifest(value: unknown): ModelManifest {
  const fields = new JsonFields(value, '', [...NAMES, 'weights', 'provenance', 'quality', 'latency']);
  const manifestVersion = fields.oneOf('manifestVersion', [1]);
  const spec = parseSpec(fields.raw('spec'));
  return {
    manifestVersion,
    id: fields.pattern('id', MODEL_ID, 'lower-case words joined by `-`, at most 64 characters'),
    version: fields.pattern('version', /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/, 'a version such as 1.0.0'),
    license: fields.text('license'),
    spec,
    scale: fields.exactly('scale', spec.scale, 'the scale of the spec'),
    degradation: fields.oneOf('degradation', ['bicubic', 'blind']),
    ...parseCost(fields, spec),
    weights: parseWeights(fields.raw('weights')),
    provenance: parseProvenance(fields.raw('provenance')),
    quality: fields.list('quality', parseQuality),
    latency: fields.list('latency', parseLatency),
  };
}
