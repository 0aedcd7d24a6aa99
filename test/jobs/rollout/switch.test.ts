import { expect, test } from 'vitest';
import { switchUnderLoad } from '../switch-rounds.ts';

test('switching the model under load fails no request, and header and pixels agree about the model', async () => {
  const { failed, disagreeing, byModel } = await switchUnderLoad(10);
  expect({ failed, disagreeing }).toEqual({ failed: 0, disagreeing: 0 });
  expect(Object.keys(byModel).sort()).toEqual(['bright-x2', 'nearest-x2']);
}, 120_000);
