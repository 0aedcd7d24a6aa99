/** Only URLs that we signed are enlarged: strangers cannot make the machine work. Run: `npx tsx examples/signed-urls.ts [folder]` */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { createDualscale, type DualscaleOptions, signUrl } from '../src/index.ts'; // in your project: 'dualscale'

/** From your secret store; at least 16 characters. */
const KEYS = ['the newest key signs', 'an older one is still accepted'];

/** What your pages put into `src`. It works for a day. */
export const urlOf = (name: string) =>
  signUrl(`/images/${name}?upscale=2`, { key: KEYS[0] as string, expires: new Date(Date.now() + 86_400_000) });

export async function start(folder: string, options: DualscaleOptions = {}, port = 8080) {
  const dualscale = await createDualscale({ ...options, signing: { keys: KEYS } });
  const app = express();
  app.use('/images', dualscale.middleware(), express.static(folder));
  const server = app.listen(port, '127.0.0.1');
  return { server, dualscale };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const photos = fileURLToPath(new URL('photos', import.meta.url));
  await start(resolve(process.argv[2] ?? photos));
  console.log(`http://127.0.0.1:8080${urlOf('coffee.png')}`);
}
