/** `GET /photo.jpg?upscale=4` on Fastify. Run: `npx tsx examples/fastify.ts [folder]` */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import fastify from 'fastify';
import { createDualscale, type DualscaleOptions } from '../src/index.ts'; // in your project: 'dualscale'
import { upscale } from '../src/server/hosts/fastify.ts'; // in your project: 'dualscale/fastify'

export async function start(folder: string, options: DualscaleOptions = {}, port = 8080) {
  const dualscale = await createDualscale(options);
  const app = fastify();
  await app.register(upscale, { dualscale }); // before whatever sends the pictures
  await app.register(fastifyStatic, { root: folder });
  await app.listen({ port, host: '127.0.0.1' });
  return { server: app.server, dualscale };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const photos = fileURLToPath(new URL('photos', import.meta.url));
  await start(resolve(process.argv[2] ?? photos));
  console.log('http://127.0.0.1:8080/coffee.png?upscale=4');
}
