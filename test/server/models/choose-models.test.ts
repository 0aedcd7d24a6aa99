import { describe, expect, test } from 'vitest';
import type { ModelManifest } from '../../../src/core/models/manifest.ts';
import { chooseModels, quickerModels } from '../../../src/server/models/choose-models.ts';

function model(id: string, scale: number, ...quality: [set: string, psnrDb: number][]): ModelManifest {
  return { id, scale, quality: quality.map(([set, psnrDb]) => ({ set, psnrDb })) } as unknown as ModelManifest;
}

const ids = (chosen: ReadonlyMap<number, ModelManifest>) => [...chosen].map(([scale, { id }]) => [scale, id]);

describe('chooseModels', () => {
  test('takes the best PSNR on Set5 for each scale, smallest scale first', () => {
    const models = [
      model('x4-fast', 4, ['Set14', 40], ['Set5', 30]),
      model('x4-good', 4, ['Set14', 20], ['Set5', 31]),
      model('x2', 2, ['Set5', 37]),
    ];
    expect(ids(chooseModels(models))).toEqual([
      [2, 'x2'],
      [4, 'x4-good'],
    ]);
  });

  test('a measured model beats one that nobody measured', () => {
    expect(ids(chooseModels([model('a', 4), model('b', 4, ['Own', 10])]))).toEqual([[4, 'b']]);
    expect(ids(chooseModels([model('a', 4)]))).toEqual([[4, 'a']]);
  });

  test('a wanted model overrides the best one for its scale alone', () => {
    const models = [model('good', 4, ['Set5', 31]), model('fast', 4, ['Set5', 30]), model('x2', 2, ['Set5', 37])];
    expect(ids(chooseModels(models, { 4: 'fast' }))).toEqual([
      [2, 'x2'],
      [4, 'fast'],
    ]);
  });

  test('a default beats a better one beside it, and is overridden by a wanted one', () => {
    const models = [model('slim', 4, ['Set5', 30]), model('large', 4, ['Set5', 32]), model('x2', 2)];
    expect(ids(chooseModels(models, {}, ['slim', 'absent']))).toEqual([
      [2, 'x2'],
      [4, 'slim'],
    ]);
    expect(chooseModels(models, { 4: 'large' }, ['slim']).get(4)?.id).toBe('large');
  });

  test.each([[{ 4: 'missing' }], [{ 2: 'good' }], [{ 3: 'good' }]])('%j is refused by name', (wanted) => {
    expect(() => chooseModels([model('good', 4, ['Set5', 31])], wanted)).toThrowError(
      expect.objectContaining({ code: 'DS_BAD_OPTION', message: expect.stringContaining('models[') }),
    );
  });
});

describe('quickerModels', () => {
  const costing = (id: string, perLrPixel: number, ...quality: [set: string, psnrDb: number][]) =>
    ({ ...model(id, 4, ...quality), degradation: 'bicubic', macs: { perLrPixel } }) as unknown as ModelManifest;
  const active = costing('active', 100, ['Set5', 31]);
  const fallbackModels = (...models: ModelManifest[]) => quickerModels(active, [active, ...models]).map(({ id }) => id);

  test('are those that cost less, the dearest first', () => {
    const models = [costing('small', 10, ['Set5', 29]), costing('middle', 50, ['Set5', 30]), costing('large', 200)];
    expect(fallbackModels(...models)).toEqual(['middle', 'small']);
  });

  test('leave out what is no better than a quicker one where both were measured, on Set5 first', () => {
    const small = costing('small', 10, ['Own', 25], ['Set5', 30]);
    expect(fallbackModels(costing('needless', 50, ['Own', 26], ['Set5', 30]), small)).toEqual(['small']);
    expect(fallbackModels(costing('better', 50, ['Own', 24], ['Set5', 30.1]), small)).toEqual(['better', 'small']);
    expect(fallbackModels(costing('elsewhere', 50, ['Another', 20]), small)).toEqual(['elsewhere', 'small']);
  });

  test('are of the same scale and kind', () => {
    const other = { ...costing('x2', 10), scale: 2 };
    const blind = { ...costing('blind', 10), degradation: 'blind' as const };
    expect(fallbackModels(other, blind)).toEqual([]);
  });
});
