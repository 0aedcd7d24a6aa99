/** Whether the process is alive and accepts requests, answered at once however busy it is. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export type HealthHandler = (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void) => void;

function send(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': text.length,
    'Cache-Control': 'no-store',
  });
  res.end(text);
}

/**
 * Answers `/livez` (200) and `/readyz` (200, or 503 while closing) for GET and HEAD, and passes
 * everything else on to `next`.
 */
export function createHealth(isReady: () => boolean): HealthHandler {
  const answers: Readonly<Record<string, (res: ServerResponse) => void>> = {
    '/livez': (res) => send(res, 200, 'ok\n'),
    '/readyz': (res) => (isReady() ? send(res, 200, 'ready\n') : send(res, 503, 'closing\n')),
  };
  return (req, res, next) => {
    const path = (req.url ?? '').split('?')[0];
    const isRead = req.method === 'GET' || req.method === 'HEAD';
    const answer = isRead && Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (answer) answer(res);
    else if (next) next();
    else send(res, 404, 'Not found\n');
  };
}
