/** Options that several commands share, and readers of option values. Commander puts the name and value before their messages. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ENGINE_NAMES, type EngineName, type Provider, type TfjsBackend } from '../core/engine/runtime.ts';
import { badOption } from '../core/errors.ts';
import { DEGRADATION_MODES } from '../core/upscale/degradation-hint.ts';

export interface ModelFlags {
  /** Folder of model folders. */
  readonly models?: string;
}

/** Of commands that run networks. */
export interface EngineFlags extends ModelFlags {
  readonly engine: EngineName;
  readonly provider: 'auto' | Provider | TfjsBackend;
  readonly workers?: number;
}

/** Digits only: `Number` would also take `1e3`, ` 4 ` and the empty text. */
export function integerFrom(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = high === Number.MAX_SAFE_INTEGER ? `from ${low}` : `from ${low} to ${high}`;
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) throw new InvalidArgumentError(`Expected an integer ${range}.`);
    return value;
  };
}

/** A number between two others, the bounds included. */
export function numberFrom(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) throw new InvalidArgumentError(`Expected a number from ${low} to ${high}.`);
    return value;
  };
}

/** Digits with or without a point and an exponent. */
const toNumber = (text: string): number => (/^\d*\.?\d+(e-?\d+)?$/i.test(text) ? Number(text) : Number.NaN);

/** A number between two others, the bounds excluded. */
export function numberBetween(low: number, high = Number.POSITIVE_INFINITY): (text: string) => number {
  const range = high === Number.POSITIVE_INFINITY ? `above ${low}` : `above ${low} and below ${high}`;
  return (text) => {
    const value = toNumber(text);
    if (!(value > low && value < high)) throw new InvalidArgumentError(`Expected a number ${range}.`);
    return value;
  };
}

/** A part of a whole, or all of it. */
export function shareOfAll(text: string): number {
  const value = toNumber(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('Expected a number above 0, at most 1.');
  return value;
}

/** `20ms`, `1.5ms` or `0.02s`, as milliseconds above 0. */
export function milliseconds(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s)$/.exec(text);
  const value = Number(match?.[1]) * (match?.[2] === 's' ? 1000 : 1);
  if (!(value > 0)) throw new InvalidArgumentError('Expected a time above 0 with its unit, e.g. 20ms or 0.5s.');
  return value;
}

export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** Sides above this would take gigabytes of activations. */
const LONGEST_SIDE = 8192;

/** `128x96`: width, then height. */
export function pixelSize(text: string): PixelSize {
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text);
  const width = Number(match?.[1]);
  const height = Number(match?.[2]);
  if (!(Math.min(width, height) >= 1 && Math.max(width, height) <= LONGEST_SIDE)) {
    throw new InvalidArgumentError(`Expected WIDTHxHEIGHT in pixels, e.g. 128x96, sides from 1 to ${LONGEST_SIDE}.`);
  }
  return { width, height };
}

/** Regular expressions, given once or more. */
export function patterns(text: string, before: readonly RegExp[] = []): RegExp[] {
  try {
    return [...before, new RegExp(text)];
  } catch {
    throw new InvalidArgumentError('Expected a regular expression, e.g. ^shop\\.example /products/.');
  }
}

/** `name=dir`, given once or more: absolute folders by name. */
export function namedFolder(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, directory] = /^([A-Za-z0-9][A-Za-z0-9_-]{0,62})=(.+)$/s.exec(text) ?? [];
  if (name === undefined || directory === undefined) {
    throw new InvalidArgumentError('Expected NAME=FOLDER, e.g. photos=/srv/photos.');
  }
  return { ...before, [name]: resolve(directory) };
}

export const json = () => new Option('--json', 'print JSON');
export const models = () =>
  new Option('--models <dir>', 'folder of models; default: the ones in the package').env('DUALSCALE_MODELS');
export const weights = (what: string) => new Option('--weights <type>', what).choices(['float32', 'float16']);
export const degradation = (what: string) => new Option('--degradation <kind>', what).choices(DEGRADATION_MODES);
export const engine = () =>
  new Option('--engine <name>', 'runs the networks: ONNX Runtime or TF.js').choices(ENGINE_NAMES).default('onnx');
const PROVIDERS = ['auto', 'cpu', 'webgpu', 'cuda', 'tensorrt'];
export const provider = (byDefault: 'auto' | 'cpu') =>
  new Option('--provider <name>', 'where networks run; tensorflow and wasm need --engine tfjs, cpu works with both')
    .choices([...PROVIDERS, 'tensorflow', 'wasm'])
    .default(byDefault);
/** With TF.js a training chooses its backend itself. */
export const trainingProvider = () =>
  new Option('--provider <name>', 'where networks run with --engine onnx').choices(PROVIDERS).default('cpu');
export const workers = () =>
  new Option('--workers <n>', 'worker threads; default: one per core, one on a GPU').argParser(integerFrom(1, 1024));

/** `old` still works as another name of `name`: it is hidden from the help and prints a notice. */
export function addDeprecated(command: Command, old: Option, name: string): void {
  const oldKey = old.attributeName();
  const key = new Option(`--${name}`).attributeName();
  command.addOption(old.hideHelp()).hook('preAction', () => {
    const value: unknown = command.getOptionValue(oldKey);
    if (value === undefined) return;
    console.error(`--${old.name()} is deprecated: use --${name}`);
    command.setOptionValue(key, value);
  });
}

/** Throws DS_BAD_OPTION for a folder that does not exist. */
export async function requireFolders(option: string, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const stats = await stat(folder).catch(() => undefined);
    if (!stats?.isDirectory()) throw badOption(option, 'existing folders', folder);
  }
}
