import { expect, test } from 'vitest';
import { fuzzUrls } from '../../../fuzz/urls.ts';

// `npm run fuzz` sends thousands; a few show that servers and mutations still fit.
test('mutated requests get answers that may be seen: none hangs, leaks or fails', async () => {
  const { statuses, failures } = await fuzzUrls(200, 2);
  expect(failures).toEqual([]);
  for (const status of [200, 400, 404]) expect(statuses[status]).toBeGreaterThan(0);
});
