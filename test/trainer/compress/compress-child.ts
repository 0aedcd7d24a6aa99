/** A compression in a process of its own: settings as JSON, events as lines on stdout. */
import { decodeRgb } from '../../../src/core/codec/decode.ts';
import { compressModel } from '../../../src/trainer/compress/recipe.ts';

await compressModel({
  settings: JSON.parse(process.argv[2] as string),
  decode: decodeRgb,
  now: Date.now,
  clock: () => performance.now(),
  report: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
});
