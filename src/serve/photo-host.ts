/** The image host of `npm start`: IPX where it is installed, else plain files. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import express, { type RequestHandler } from 'express';

export interface PhotoHost {
  readonly name: 'ipx' | 'express.static';
  readonly handler: RequestHandler;
}

/**
 * IPX re-encodes every picture, by default as JPEG of quality 80 with half the colour resolution. Enlarged, that is what one
 * would see, so lossy formats get a high quality; PNG takes none, because sharp answers a PNG quality with a palette.
 */
function modifiersFor(path: string): string {
  return extname(path).toLowerCase() === '.png' ? '_' : 'quality_95';
}

async function createIpxHandler(directory: string): Promise<RequestHandler> {
  const { createIPX, createIPXNodeServer, ipxFSStorage } = await import('ipx');
  // IPX copies these into sharp's own settings: phones store pictures lying on their side, and 4:2:0 halves colour edges.
  const sharpOptions = { autoOrient: true, jpegChromaSubsampling: '4:4:4' } as object;
  const serve = createIPXNodeServer(createIPX({ storage: ipxFSStorage({ dir: directory }), sharpOptions }));
  return (req: IncomingMessage, res: ServerResponse) => {
    const url = req.url ?? '/';
    req.url = `/${modifiersFor(url.split('?')[0] as string)}${url}`;
    return serve(req, res);
  };
}

/** `onFallback` is told why IPX, an optional peer dependency, cannot be used. */
export async function createPhotoHost(directory: string, onFallback: (reason: string) => void): Promise<PhotoHost> {
  try {
    return { name: 'ipx', handler: await createIpxHandler(directory) };
  } catch (error) {
    onFallback((error as Error).message.split('\n')[0] as string);
    return { name: 'express.static', handler: express.static(directory, { index: false, redirect: false }) };
  }
}
