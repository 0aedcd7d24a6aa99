/** `GET /photo.jpg?upscale=4` on plain `node:http`: the plugin in front of your own handler. Run: `npx tsx examples/node-http.ts [folder]` */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDualscale, type DualscaleOptions } from '../src/index.ts'; // in your project: 'dualscale'

export async function start(folder: string, options: DualscaleOptions = {}, port = 8080) {
  const dualscale = await createDualscale(options);
  const upscale = dualscale.middleware();
  const sendPng = async (req: IncomingMessage, res: ServerResponse) => {
    const body = await readFile(join(folder, basename(req.url ?? ''))).catch(() => undefined);
    if (body) res.writeHead(200, { 'Content-Type': 'image/png', 'Cache-Control': 'max-age=60' }).end(body);
    else res.writeHead(404).end();
  };
  const server = createServer((req, res) => upscale(req, res, () => void sendPng(req, res)));
  server.listen(port, '127.0.0.1');
  return { server, dualscale };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const photos = fileURLToPath(new URL('photos', import.meta.url));
  await start(resolve(process.argv[2] ?? photos));
  console.log('http://127.0.0.1:8080/coffee.png?upscale=4');
}
