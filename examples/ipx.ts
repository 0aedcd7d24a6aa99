/** `GET /_ipx/w_200,f_webp/photo.jpg?upscale=4` on IPX: it resizes and converts first, then the plugin enlarges. Run: `npx tsx examples/ipx.ts [folder]` */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { createIPX, createIPXNodeServer, ipxFSStorage } from 'ipx';
import { createDualscale, type DualscaleOptions } from '../src/index.ts'; // in your project: 'dualscale'

export async function start(folder: string, options: DualscaleOptions = {}, port = 8080) {
  const dualscale = await createDualscale(options);
  const ipx = createIPX({ storage: ipxFSStorage({ dir: folder }) });
  const app = express();
  app.use('/_ipx', dualscale.middleware(), createIPXNodeServer(ipx));
  const server = app.listen(port, '127.0.0.1');
  return { server, dualscale };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const photos = fileURLToPath(new URL('photos', import.meta.url));
  await start(resolve(process.argv[2] ?? photos));
  console.log('http://127.0.0.1:8080/_ipx/w_200,f_webp/coffee.png?upscale=4');
}
