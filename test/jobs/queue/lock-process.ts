/** Locks a folder, says what came of it, and holds it until it is killed. */
import { lockFolder } from '../../../src/jobs/queue/lock-folder.ts';

const [directory, beatMs, staleMs] = process.argv.slice(2) as [string, string, string];
const say = (text: string) => void process.stdout.write(`${text}\n`);
const begun = performance.now();
try {
  const onLost = () => say('lost');
  await lockFolder(directory, { onLost, beatMs: Number(beatMs), staleMs: Number(staleMs) });
  say(`locked ${Math.round(performance.now() - begun)}`);
  setInterval(() => {}, 1000);
} catch (error) {
  say(`refused ${(error as Error).message}`);
}
