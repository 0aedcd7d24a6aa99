/** `GET /upscale_4,w_200,f_webp/photo.jpg`: IPX with a modifier more. Run: `npx tsx examples/ipx-decorator.ts [folder]` */
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createIPX, createIPXNodeServer, ipxFSStorage } from 'ipx';
import { createDualscale, type DualscaleOptions } from '../src/index.ts'; // in your project: 'dualscale'
import { withUpscale } from '../src/server/hosts/ipx.ts'; // in your project: 'dualscale/ipx'

export async function start(folder: string, options: DualscaleOptions = {}, port = 8080) {
  const dualscale = await createDualscale(options);
  const ipx = withUpscale(createIPX({ storage: ipxFSStorage({ dir: folder }) }), dualscale);
  const server = createServer(createIPXNodeServer(ipx));
  server.listen(port, '127.0.0.1');
  return { server, dualscale };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const photos = fileURLToPath(new URL('photos', import.meta.url));
  await start(resolve(process.argv[2] ?? photos));
  console.log('http://127.0.0.1:8080/upscale_4,w_200,f_webp/coffee.png');
}
