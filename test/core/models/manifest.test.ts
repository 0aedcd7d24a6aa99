import { describe, expect, test } from 'vitest';
import { isModelId, modelCost, parseManifest } from '../../../src/core/models/manifest.ts';
import { sampleDraft } from './sample-model.ts';

const valid = {
  manifestVersion: 1,
  ...sampleDraft,
  scale: 2,
  ...modelCost(sampleDraft.spec),
  weights: { file: 'weights.safetensors', sha256: 'ab'.repeat(32), dtype: 'float32' },
  quality: [
    { set: 'Set5', scale: 2, psnrDb: 37.5, ssim: 0.95, protocol: 'Y, border 2', command: 'x', date: '2026-11-22' },
  ],
  latency: [
    {
      device: 'two cores',
      engine: 'onnx',
      provider: 'cpu',
      threads: 2,
      inputWidth: 128,
      inputHeight: 128,
      medianMs: 20.5,
      runs: 30,
      date: '2026-11-22T10:00:00Z',
      command: 'x',
    },
  ],
};

/** `valid` with one field, given by its path, set to something else. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(valid) as Record<string, unknown>;
  const names = path.split('.');
  let object = copy;
  for (const name of names.slice(0, -1)) object = object[name] as Record<string, unknown>;
  object[names.at(-1) as string] = value;
  return copy;
}

test('the cost of a network counted by hand', () => {
  // Head 3x3x3x4+4, block 3x3x4x3+3 and 3x3x3x4+4, tail 3x3x4x12+12: all at LR resolution, a bias one per output.
  const count = 108 + 4 + 108 + 3 + 108 + 4 + 432 + 12;
  expect(modelCost(sampleDraft.spec)).toEqual({
    parameters: count,
    macs: { perLrPixel: count, for1280x720: count * 640 * 360 },
  });
});

describe('parseManifest', () => {
  test('gives a valid manifest back, also through JSON', () => {
    expect(parseManifest(JSON.parse(JSON.stringify(valid)))).toEqual(valid);
  });

  test.each([
    ['manifestVersion', 2, /`manifestVersion` to be one of 1, got `2`/],
    ['id', '../edge', /`id` to be lower-case words/],
    ['id', 'Edge-X2', /`id`/],
    ['id', 'a'.repeat(65), /`id`/],
    ['version', '1.0', /`version` to be a version such as 1.0.0, got `"1.0"`/],
    ['license', '', /`license` to be a text/],
    ['spec', { family: 'edge' }, /`spec\./],
    ['spec.scale', 5, /`spec.scale`/],
    ['scale', 4, /`scale` to be 2 \(the scale of the spec\), got `4`/],
    ['degradation', 'jpeg', /`degradation` to be one of bicubic/],
    ['parameters', 1, /`parameters` to be \d+ \(as the spec has\), got `1`/],
    ['macs.perLrPixel', 1, /`macs.perLrPixel`/],
    ['macs.for720p', 1, /`macs.for720p` to be absent/],
    ['weights.file', '../weights.safetensors', /`weights.file` to be the name of a .safetensors file/],
    ['weights.file', '/etc/passwd', /`weights.file`/],
    ['weights.file', '.weights.safetensors', /`weights.file`/],
    ['weights.file', 'a\\b.safetensors', /`weights.file`/],
    ['weights.sha256', 'AB'.repeat(32), /`weights.sha256`/],
    ['weights.dtype', 'bfloat16', /`weights.dtype` to be one of float32, float16/],
    ['provenance', null, /`provenance` to be an object, got `null`/],
    ['provenance.seeds', [1, -1], /`provenance.seeds\[1\].seed` to be an integer from 0/],
    ['provenance.recipe', { nested: {} }, /`provenance.recipe.nested`/],
    ['provenance.date', '22.11.2026', /`provenance.date` to be an ISO 8601 date/],
    ['provenance.date', '2026-13-01', /`provenance.date` to be a day of the calendar/],
    ['quality.0.psnrDb', Number.NaN, /`quality\[0\].psnrDb` to be a number from 0 to 200/],
    ['quality.0.ssim', 1.01, /`quality\[0\].ssim`/],
    ['latency.0.threads', 0, /`latency\[0\].threads` to be an integer from 1/],
    ['latency.0.medianMs', -1, /`latency\[0\].medianMs`/],
    ['latency', {}, /`latency` to be a list/],
    ['licence', 'MIT', /`licence` to be absent/],
  ])('refuses %s = %j', (path, value, message) => {
    expect(() => parseManifest(changed(path, value))).toThrow(expect.objectContaining({ code: 'DS_BAD_MODEL' }));
    expect(() => parseManifest(changed(path, value))).toThrow(message);
  });

  test.each(Object.keys(valid))('refuses a manifest without %s', (name) => {
    expect(() => parseManifest(changed(name, undefined))).toThrow(`\`${name}\``);
  });
});

test.each([
  ['edge-x4', true],
  ['drn-s-x4-p50', true],
  ['', false],
  ['.', false],
  ['..', false],
  ['a/b', false],
  ['a--b', false],
  ['__proto__', false],
])('isModelId(%j) is %j', (text, expected) => {
  expect(isModelId(text)).toBe(expected);
});
