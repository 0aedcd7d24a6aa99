/** `GET /photo.jpg?upscale=4` in front of any image server, here one of ours. Run: `npx tsx examples/proxy.ts [upstream]` */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createDualscale, type DualscaleOptions } from '../src/index.ts'; // in your project: 'dualscale'
import { createProxy } from '../src/server/hosts/proxy.ts'; // in your project: 'dualscale/proxy'

export async function start(upstream: string, options: DualscaleOptions = {}, port = 8080) {
  const dualscale = await createDualscale({ onLimit: 'passthrough', ...options });
  const proxy = createProxy({ dualscale, upstream });
  const server = createServer(proxy.handler).on('close', proxy.close);
  server.listen(port, '127.0.0.1');
  return { server, dualscale };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await start(process.argv[2] ?? 'http://127.0.0.1:8081');
  console.log('http://127.0.0.1:8080/photo.jpg?upscale=4');
}
