import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeRgb } from '../../../src/core/codec/decode.ts';
import { loadModel } from '../../../src/core/models/load.ts';
import type { CompressSettings } from '../../../src/trainer/compress/compress-settings.ts';
import type { CompressEvent } from '../../../src/trainer/compress/progress.ts';
import { compressModel } from '../../../src/trainer/compress/recipe.ts';
import { writeGeneratedPhotos } from '../../helpers/generated-photos.ts';
import { createTinyBox, type TinyBox } from './tiny-compression.ts';

let box: TinyBox;
let runs = 0;
const warnings: string[] = [];
beforeAll(async () => {
  box = await createTinyBox();
});
afterAll(() => rm(box.folder, { recursive: true }));

async function compress(
  changes: Partial<CompressSettings> = {},
  signal?: AbortSignal,
  onEvent?: (event: CompressEvent) => void,
) {
  const events: CompressEvent[] = [];
  const out = join(box.folder, `run-${runs++}`);
  const result = await compressModel({
    settings: { ...box.settings, out, ...changes },
    decode: decodeRgb,
    now: Date.now,
    clock: () => performance.now(),
    signal,
    warn: (message) => warnings.push(message),
    report(event) {
      events.push(event);
      onEvent?.(event);
    },
  });
  return { ...result, events, out };
}

describe('compressModel', () => {
  test('goes through its stages in order and publishes a model of half the channels', async () => {
    const { accepted, reasons, directory, events, out, report } = await compress();
    expect({ accepted, reasons }).toEqual({ accepted: true, reasons: [] });
    expect(directory).toBe(join(out, 'tiny-x2-p50'));
    const { manifest, dualParameters } = await loadModel(directory);
    expect(manifest.spec).toEqual({ family: 'edge', scale: 2, featureCount: 8, innerWidths: [4, 4] });
    expect(Object.keys(dualParameters ?? {})).toEqual(['dual.0.weight', 'dual.1.weight']);
    expect(manifest.provenance.recipe).toMatchObject({
      method: 'drc',
      pruneBatches: 1,
      tuneSteps: 24,
      budget: '50 % of the channels removed',
    });
    const stages = events.flatMap((event) => (event.type === 'stage' ? [event.stage] : []));
    expect(stages).toEqual(['plan', 'duals', 'search', 'fit', 'prune', 'fine-tune', 'measure', 'publish']);
    const trained = new Set(events.flatMap((event) => (event.type === 'step' ? [event.stage] : [])));
    expect([...trained]).toEqual(['duals', 'search', 'prune', 'fine-tune']);
    expect(events.at(-1)).toEqual({ type: 'done', accepted: true, reasons: [] });
    expect(JSON.parse(await readFile(join(out, 'report.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(report)));
    expect(await readFile(join(out, 'report.md'), 'utf8')).toContain('| body.1 | 8 | 4 |');
    for (const picture of ['widths.svg', 'psnr-latency.svg']) {
      expect(await readFile(join(out, picture), 'utf8')).toMatch(/^<svg[\s\S]*<\/svg>\n$/);
    }
  });

  test('keeps a model aside that loses too much, and publishes nothing', async () => {
    const { accepted, reasons, directory, out } = await compress({ maxPsnrDropDb: 1e-9, method: 'scratch' });
    expect(accepted).toBe(false);
    expect(reasons[0]).toMatch(/^lost [\d.]+ dB on held-out photographs/);
    expect(directory).toBe(join(out, 'rejected', 'tiny-x2-p50-scratch'));
    expect(existsSync(join(out, 'tiny-x2-p50-scratch'))).toBe(false);
    const { id, provenance } = (await loadModel(directory)).manifest;
    expect(id).toBe('tiny-x2-p50-scratch');
    expect(provenance.recipe).toMatchObject({ method: 'scratch', searchSteps: 6, distillWeight: 0 });
    expect(provenance.recipe).not.toHaveProperty('pruneBatches');
    expect(await readFile(join(out, 'report.md'), 'utf8')).toContain(`- ${reasons[0]}`);
  });

  test('compresses drn in the same way', async () => {
    const { report, directory } = await compress({ model: join(box.folder, 'models', 'tiny-drn-x2') });
    expect(report.widths).toEqual([
      { name: 'down.0', before: 8, after: 4 },
      { name: 'up.0.block.0', before: 16, after: 8 },
      { name: 'up.0.upsampler', before: 16, after: 8 },
    ]);
    const { manifest, dualParameters } = await loadModel(directory);
    expect(manifest.spec).toMatchObject({ family: 'drn', keptChannels: [4, 8, 8] });
    expect(Object.keys(dualParameters ?? {})).toEqual(['dual.level0.0.weight', 'dual.level0.1.weight']);
  });

  test('meets a number of parameters', async () => {
    const { report, accepted } = await compress({ budget: { kind: 'params', parameters: 1800 } });
    expect(accepted).toBe(true);
    expect(report.result.parameters).toBeLessThanOrEqual(1800);
    expect(report.result.parameters).toBeGreaterThan(1000);
    expect(report.predicted).toBe(report.result.parameters);
  });

  test('stops when it is told to, and goes on from there', async () => {
    const controller = new AbortController();
    const stop = (event: CompressEvent) => event.type === 'step' && event.stage === 'prune' && controller.abort();
    const out = join(box.folder, 'stopped');
    await expect(compress({ out }, controller.signal, stop)).rejects.toMatchObject({ code: 'DS_ABORTED' });
    const { accepted, events } = await compress({ out, resume: true });
    expect(accepted).toBe(true);
    expect(events.some(({ type }) => type === 'data')).toBe(true);
    // A run that ended does nothing any more, and publishes nothing twice.
    const again = await compress({ out, resume: true });
    expect(again.events.filter(({ type }) => type === 'data' || type === 'step')).toEqual([]);
    expect((await loadModel(again.directory)).manifest.version).toBe('1.0.0');
  });

  test('goes on with other photographs than before, in the search and behind it, and says so', async () => {
    const photos = join(box.folder, 'live');
    await writeGeneratedPhotos(photos, 8);
    const changes = { out: join(box.folder, 'live-run'), data: [photos], resume: true };
    for (const [stage, first] of [
      ['search', 8],
      ['prune', 9],
    ] as const) {
      const controller = new AbortController();
      const stop = (event: CompressEvent) =>
        event.type === 'step' && event.stage === stage && event.step === 2 && controller.abort();
      await expect(compress(changes, controller.signal, stop)).rejects.toMatchObject({ code: 'DS_ABORTED' });
      await writeGeneratedPhotos(photos, 1, { first });
    }
    const { accepted, directory } = await compress(changes);
    expect(accepted).toBe(true);
    const { data } = (await loadModel(directory)).manifest.provenance;
    expect(data).toMatch(
      /sha256s \w{64}; before a resumption 8 photographs, sha256 \w{64}; before a resumption 9 photo/,
    );
    // A run that ended reads no photographs.
    await compress(changes);
    expect(warnings.splice(0)).toEqual([
      'resumed with other photographs than before: 9 now, 8 then',
      'resumed with other photographs than before: 10 now, 9 then',
    ]);
  });

  test('refuses a latency that the model has already, and leaves no run behind', async () => {
    const out = join(box.folder, 'too-slow');
    const budget = { kind: 'latency', latencyMs: 1e6, width: 24, height: 16 } as const;
    await expect(compress({ out, budget })).rejects.toThrow(/`--latency`.*below [\d.]+ ms, what the model takes now/);
    // Without --resume, and with another budget.
    await expect(compress({ out, budget: { ...budget, latencyMs: 1e-9 } })).rejects.toThrow(/above [\d.]+ ms/);
  });

  test('refuses a folder that holds a run, and to resume it with other options', async () => {
    const { out } = await compress({ method: 'l1' });
    await expect(compress({ out, method: 'l1' })).rejects.toThrow(/`--out`.*--resume/);
    await expect(compress({ out, resume: true, method: 'l1', seed: 2 })).rejects.toThrow(/`seed`.* got `2`/);
  });
}, 180_000);
