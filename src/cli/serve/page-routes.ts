/** The demo page and its resources. */
import { type RequestHandler, Router } from 'express';
import { PAGE_HTML } from './page/html.ts';
import { PAGE_JS } from './page/script.ts';
import { PAGE_CSS } from './page/styles.ts';
import { listPhotos } from './photo-host.ts';

/** Everything comes from this server; the script shows fetched pictures as `blob:`. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' blob: data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

function text(type: string, content: string): RequestHandler {
  return (_req, res) => {
    res
      .set('Content-Security-Policy', POLICY)
      .set('X-Content-Type-Options', 'nosniff')
      .set('Cache-Control', 'no-cache');
    res.type(type).send(content);
  };
}

export interface PageOptions {
  readonly directory: string;
  readonly scales: readonly number[];
}

export function createPageRoutes({ directory, scales }: PageOptions): Router {
  const router = Router();
  router.get('/', text('html', PAGE_HTML));
  router.get('/page.css', text('css', PAGE_CSS));
  router.get('/page.js', text('js', PAGE_JS));
  router.get('/photos.json', async (_req, res) => {
    res.set('Cache-Control', 'no-store').json({ photos: await listPhotos(directory), scales });
  });
  return router;
}
