/** A process that writes entries as fast as it can, until it is killed. */
import { DiskTier } from '../../../../src/server/service/cache/disk-tier.ts';
import { entryOf, keyOf } from './entry-maker.ts';

const [directory, first] = process.argv.slice(2) as [string, string];
const disk = await DiskTier.open({ directory, maxBytes: 10e6, now: Date.now, onError: () => process.exit(9) });
process.send?.('ready');
for (let number = Number(first); ; number++) {
  await Promise.all([0, 1, 2].map((i) => disk.set(keyOf(number * 3 + i), entryOf(number * 3 + i, 100_000))));
}
