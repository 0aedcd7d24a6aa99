import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { modelsMarkdown } from '../../src/cli/models-markdown.ts';
import { listModels } from '../../src/core/models/load.ts';
import type { ModelManifest } from '../../src/core/models/manifest.ts';
import { PACKAGE_ROOT } from '../../src/core/version.ts';

const manifest = (id: string, scale: 2 | 4, parameters: number): ModelManifest => ({
  manifestVersion: 1,
  id,
  version: '1.2.0',
  license: 'MIT',
  scale,
  degradation: 'bicubic',
  parameters,
  spec: { family: 'edge', scale, featureCount: 4, innerWidths: [4] },
  macs: { perLrPixel: 1, for1280x720: 20_429_107_200 },
  weights: { file: 'w.safetensors', sha256: 'ab', dtype: 'float16' },
  provenance: {
    trainer: 'dualscale 1',
    data: 'a | b',
    seeds: [7],
    steps: 14_000,
    date: '2026-01-02',
    machine: 'a box',
    recipe: { dualWeight: 0.1, batchSize: 16, lrPatchSize: 32 },
  },
  quality: [{ set: 'Set14', scale, psnrDb: 28.123, ssim: 0.77777, protocol: 'Y', command: 'eval', date: '2026-01-03' }],
  latency: [],
});

const rows = (page: string) =>
  page
    .split('\n')
    .filter((line) => line.startsWith('| `') && / x[2348] /.test(line))
    .map((line) => line.split(' | '));

describe('modelsMarkdown', () => {
  test('has a row per model, by scale and size', () => {
    const page = modelsMarkdown([manifest('b', 4, 900), manifest('a', 4, 1100), manifest('c', 2, 5000)]);
    expect(rows(page).map(([name]) => name)).toEqual(['| `c`', '| `b`', '| `a`']);
    expect(rows(page)[2].slice(1)).toEqual([...['1.2.0', 'x4', '1.1 k', '20.4 G', '-', '28.12 / 0.7778', '- |']]);
  });

  test('says of each model how it came about', () => {
    const page = modelsMarkdown([manifest('a', 4, 1100)]);
    expect(page).toContain('| `a` | 14,000 | 0.1 | - | 7 | float16 | MIT | dualscale 1, 2026-01-02 | a box |\n');
    expect(page).toContain('- `a`: a | b\n');
  });

  test('puts models into cards, and measurements of one family side by side', () => {
    const plain = manifest('plain', 4, 1100);
    const recipe = { ...plain.provenance.recipe, compressedFrom: 'plain 12ab' };
    const noisy = { ...plain.quality[0], set: 'Set14, noise:10', psnrDb: 26.4 };
    const page = modelsMarkdown([
      plain,
      { ...plain, id: 'blind', degradation: 'blind', quality: [noisy] },
      { ...plain, id: 'thin', provenance: { ...plain.provenance, recipe } },
    ]);
    expect(page.match(/^## .*/gm)).toEqual(['## Edge', '## Blind', '## Compressed', '## Timed on', '## Trained on']);
    expect(page).toContain('| PSNR, Set14 | noise:10 |\n| --- | --- |\n| `blind` | 26.40 |\n');
    expect(page).toContain('| plain 12ab |');
  });
});

describe('models/README.md', () => {
  test('says what the manifests say: dualscale models --markdown > models/README.md', async () => {
    const root = join(PACKAGE_ROOT, 'models');
    const { models, broken } = await listModels(root);
    expect(broken).toEqual([]);
    expect(await readFile(join(root, 'README.md'), 'utf8')).toBe(modelsMarkdown(models));
  });
});
