/** A server with jobs in a process of its own, to be killed: prints its address. */
import { openJobsBox } from './jobs-box.ts';

const [directory, modelsDir, dir, photos] = process.argv.slice(2) as [string, string, string, string];
const folder = { directory, modelsDir, dir, photos, remove: async () => {} };
const box = await openJobsBox(folder, { jobs: { rollback: { watchSeconds: 0 } } });
process.stdout.write(`${box.url}\n`);
process.on('SIGTERM', () => void box.close().then(() => process.exit(0)));
