/**
 * Switches the model of a scale 100 times through the job API while pictures are asked for: no request may fail, and the header must
 * name the model whose pixels came.
 * npx tsx bench/model-switches.ts [switches]
 */
import { switchUnderLoad } from '../test/jobs/switch-rounds.ts';

const result = await switchUnderLoad(Number(process.argv[2] ?? 100));
console.log(JSON.stringify(result));
process.exit(result.failed === 0 && result.disagreeing === 0 ? 0 : 1);
