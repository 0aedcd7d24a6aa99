/** A network spec from outside (a manifest, a job): every number is checked before anything is built from it. */
import { DualscaleError } from '../errors.ts';
import { createNetwork } from './create-network.ts';
import { fullChannels } from './drn-plan.ts';
import { countParameters } from './network.ts';
import type { ConditioningSpec, DrnSpec, EdgeSpec, NetworkSpec } from './spec.ts';

const MAX_CHANNELS = 512;
const MAX_BLOCKS = 256;
/** Tiles of a network that looks farther than 64 pixels are nearly all border, and too large for some workers. */
const MAX_EDGE_BLOCKS = 31;
const MAX_CODE_WIDTH = 64;
/** 400 MB of weights: twice EDSR, the largest network in the paper's tables. */
const MAX_PARAMETERS = 100_000_000;

type Fields = Readonly<Record<string, unknown>>;

function bad(name: string, expected: string, got: unknown): DualscaleError {
  const shown = JSON.stringify(got) ?? String(got);
  const short = shown.length > 80 ? `${shown.slice(0, 80)}...` : shown;
  return new DualscaleError('DS_BAD_MODEL', `expected \`${name}\` to be ${expected}, got \`${short}\``);
}

function isCount(value: unknown, max: number, min = 1): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

function readCount(fields: Fields, name: string, max: number): number {
  const value = fields[name];
  if (!isCount(value, max)) throw bad(`spec.${name}`, `an integer from 1 to ${max}`, value);
  return value;
}

function readScale<Scale extends number>(fields: Fields, scales: readonly Scale[]): Scale {
  const scale = scales.find((allowed) => allowed === fields['scale']);
  if (scale === undefined) throw bad('spec.scale', `one of ${scales.join(', ')}`, fields['scale']);
  return scale;
}

function readList(fields: Fields, name: string, maxLength: number): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value) || value.length < 1 || value.length > maxLength) {
    throw bad(`spec.${name}`, `a list of 1 to ${maxLength} integers`, value);
  }
  return value;
}

function refuseOthers(fields: Fields, known: readonly string[]): void {
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) throw bad(`spec.${unknown}`, `absent (known: ${known.join(', ')})`, fields[unknown]);
}

function parseCode(value: unknown): ConditioningSpec {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('spec.code', 'an object', value);
  const fields = value as Fields;
  refuseOthers(fields, ['width', 'hidden', 'estimator']);
  const estimator = fields['estimator'];
  if (
    !Array.isArray(estimator) ||
    estimator.length !== 3 ||
    !estimator.every((count) => isCount(count, MAX_CHANNELS))
  ) {
    throw bad('spec.code.estimator', `a list of 3 integers from 1 to ${MAX_CHANNELS}`, estimator);
  }
  return {
    width: readCount(fields, 'width', MAX_CODE_WIDTH),
    hidden: readCount(fields, 'hidden', MAX_CHANNELS),
    estimator: estimator as [number, number, number],
  };
}

function parseEdge(fields: Fields): EdgeSpec {
  refuseOthers(fields, ['family', 'scale', 'featureCount', 'innerWidths', 'code']);
  const innerWidths = readList(fields, 'innerWidths', MAX_BLOCKS).map((width, block) => {
    if (!isCount(width, MAX_CHANNELS, 0)) {
      throw bad(`spec.innerWidths[${block}]`, `an integer from 0 to ${MAX_CHANNELS}`, width);
    }
    return width;
  });
  const blocks = innerWidths.filter((width) => width > 0).length;
  if (blocks > MAX_EDGE_BLOCKS) throw bad('spec.innerWidths', `at most ${MAX_EDGE_BLOCKS} widths above 0`, blocks);
  const scale = readScale(fields, [2, 3, 4, 8]);
  if (scale === 3 && fields['code'] !== undefined) throw bad('spec.code', 'absent at scale 3', fields['code']);
  return {
    family: 'edge',
    scale,
    featureCount: readCount(fields, 'featureCount', MAX_CHANNELS),
    innerWidths,
    code: fields['code'] === undefined ? undefined : parseCode(fields['code']),
  };
}

function parseDrn(fields: Fields): DrnSpec {
  refuseOthers(fields, ['family', 'scale', 'featureCount', 'blockCount', 'keptChannels']);
  const spec: DrnSpec = {
    family: 'drn',
    scale: readScale(fields, [2, 4, 8]),
    featureCount: readCount(fields, 'featureCount', MAX_CHANNELS),
    blockCount: readCount(fields, 'blockCount', MAX_BLOCKS),
  };
  if (fields['keptChannels'] === undefined) return spec;
  const full = fullChannels(spec);
  const kept = readList(fields, 'keptChannels', full.length);
  if (kept.length !== full.length) {
    throw bad('spec.keptChannels', `a list of ${full.length} integers`, `a list of ${kept.length}`);
  }
  const keptChannels = full.map((width, index) => {
    const value = kept[index];
    if (!isCount(value, width)) throw bad(`spec.keptChannels[${index}]`, `an integer from 1 to ${width}`, value);
    return value;
  });
  return { ...spec, keptChannels };
}

function parseFamily(value: unknown): NetworkSpec {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('spec', 'an object', value);
  const fields = value as Fields;
  switch (fields['family']) {
    case 'edge':
      return parseEdge(fields);
    case 'drn':
      return parseDrn(fields);
    default:
      throw bad('spec.family', 'one of edge, drn', fields['family']);
  }
}

/**
 * @param value parsed JSON of unknown origin.
 * @throws DS_BAD_MODEL naming the field, what was expected and what came; also for unknown fields, 1..512 channels and
 * 1..256 blocks exceeded (of `edge` 31 with channels), channels kept beyond the full width, and more than 100 million parameters.
 */
export function parseSpec(value: unknown): NetworkSpec {
  const spec = parseFamily(value);
  const count = countParameters(createNetwork(spec));
  if (count > MAX_PARAMETERS) throw bad('spec', `a network of at most ${MAX_PARAMETERS} parameters`, count);
  return spec;
}
