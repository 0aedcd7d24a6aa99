/**
 * `npm run fuzz`: damaged pictures, then damaged requests. Every case follows from the seed and its number, so a failure is repeated by
 * naming both.
 *
 *     npm run fuzz -- [--kind pictures|urls] [--count 5000] [--seed 1] [--only 1234]
 */
import { parseArgs } from 'node:util';
import { fuzzPictures } from './pictures.ts';
import { fuzzUrls } from './urls.ts';

const { values } = parseArgs({
  options: {
    kind: { type: 'string' },
    count: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);

/** Memory may grow by an allocator's habits, not by one case after the other. */
const MAX_GROWTH = 1.1;

function report(
  kind: string,
  result: { readonly failures: readonly string[]; readonly rss: readonly [number, number] },
) {
  console.log(kind, result);
  const [before, after] = result.rss;
  const hasGrown = values.only === undefined && count >= 2000 && after > before * MAX_GROWTH;
  if (hasGrown) console.error(`${kind}: RSS went from ${before} to ${after} MiB`);
  if (result.failures.length > 0 || hasGrown) process.exitCode = 1;
}

if (values.kind !== 'urls') {
  const only = values.only === undefined ? undefined : Number(values.only);
  report('pictures', await fuzzPictures({ count, seed, only }));
}
if (values.kind !== 'pictures' && values.only === undefined) report('urls', await fuzzUrls(count, seed));
