/** Files that follow from the code are what `npm run generate` makes of it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { GENERATED } from '../../dev/generate.ts';

test.each(Object.entries(GENERATED))('%s is what npm run generate makes', (path, make) => {
  const text = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  // The formatter chooses how JSON is laid out.
  if (path.endsWith('.json')) expect(JSON.parse(text)).toEqual(JSON.parse(make()));
  else expect(text).toBe(make());
});
