/** The many ways in which `writeHead` takes its headers, brought into the response's own header store. */
import type { ServerResponse } from 'node:http';

type HeaderValue = string | number | readonly string[] | undefined;
export type WriteHeadHeaders =
  | Readonly<Record<string, HeaderValue>>
  | readonly HeaderValue[]
  | readonly (readonly [string, HeaderValue])[];

function pairsOf(headers: WriteHeadHeaders): [string, HeaderValue][] {
  if (!Array.isArray(headers)) return Object.entries(headers as Record<string, HeaderValue>);
  if (Array.isArray(headers[0])) return (headers as [string, HeaderValue][]).map(([name, value]) => [name, value]);
  const pairs: [string, HeaderValue][] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([String(headers[i]), headers[i + 1] as HeaderValue]);
  return pairs;
}

/**
 * Does what `writeHead` does to status and headers, and sends nothing: names given here replace those set before,
 * a name given twice in an array (`Set-Cookie`) keeps both values.
 */
export function storeHead(res: ServerResponse, args: readonly unknown[]): void {
  const [status, second, third] = args;
  if (typeof status === 'number') res.statusCode = status;
  // HTTP/2 has no status message, and its response object warns at each try to set one.
  if (typeof second === 'string' && !('stream' in res)) res.statusMessage = second;
  const headers = (typeof second === 'string' ? third : (second ?? third)) as WriteHeadHeaders | undefined;
  if (!headers) return;
  const pairs = pairsOf(headers).filter(([, value]) => value !== undefined);
  for (const [name] of pairs) res.removeHeader(name);
  for (const [name, value] of pairs) {
    const text = Array.isArray(value) ? (value as string[]) : String(value);
    if (res.hasHeader(name)) res.appendHeader(name, text);
    else res.setHeader(name, text);
  }
}
