import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { drawWings } from '../../dev/wings.ts';

test('docs/wings.svg shows the imports as they are: npm run picture', () => {
  const { svg, arrows } = drawWings();
  expect(readFileSync(new URL('../../docs/wings.svg', import.meta.url), 'utf8')).toBe(svg);
  expect(arrows).toBeLessThanOrEqual(30);
});
