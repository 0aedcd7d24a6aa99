/** `GET /images/photo.jpg?upscale=4` on Express: the plugin in front of `express.static`. Run: `npx tsx examples/express.ts [folder]` */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { createDualscale, type DualscaleOptions } from '../src/index.ts'; // in your project: 'dualscale'

export async function start(folder: string, options: DualscaleOptions = {}, port = 8080) {
  const dualscale = await createDualscale(options);
  const app = express();
  app.use('/images', dualscale.middleware(), express.static(folder));
  const server = app.listen(port, '127.0.0.1');
  return { server, dualscale };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const photos = fileURLToPath(new URL('photos', import.meta.url));
  await start(resolve(process.argv[2] ?? photos));
  console.log('http://127.0.0.1:8080/images/coffee.png?upscale=4');
}
