/** A few of the cases of `npm run fuzz`: the undamaged pictures, the bombs, and some damage of each kind. */
import { expect, test } from 'vitest';
import { fuzzPictures } from '../../fuzz/pictures.ts';

test('a hundred damaged pictures get an answer that is no server error', async () => {
  const { answers, failures, cases } = await fuzzPictures({ count: 100, seed: 7 });
  expect(failures).toEqual([]);
  expect(Object.values(answers).reduce((sum, count) => sum + count)).toBe(cases);
  // Each kind of end was reached, or the pictures are not what they should be.
  for (const expected of [
    '200 enlarged',
    '200 skipped; reason=animated',
    '413 DS_INPUT_TOO_LARGE',
    '422 DS_BAD_IMAGE',
  ]) {
    expect(answers[expected], expected).toBeGreaterThan(0);
  }
}, 120_000);
