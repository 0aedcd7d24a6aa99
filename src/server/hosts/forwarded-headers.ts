/** Headers on their way through a proxy, in Node's flat form `[name, value, name, value ...]`. */
import type { Upstream } from './upstream.ts';

/** RFC 9110 7.6.1: they concern one connection only. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

type Pair = readonly [name: string, value: string];

function pairsOf(raw: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i], raw[i + 1]]);
  return pairs;
}

/** Without hop-by-hop headers and those that `Connection` names. */
function endToEnd(raw: readonly string[]): Pair[] {
  const pairs = pairsOf(raw);
  const named = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map((name) => name.trim());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase()));
}

export interface ClientFacts {
  readonly address: string;
  readonly host: string;
}

/**
 * Set by the proxy alone: a client's own values are not passed on, except for the list of
 * addresses.
 */
const OURS = new Set([
  'host',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'forwarded',
  'expect',
  'content-length',
]);

/** Our name in `Via`. */
const VIA = '1.1 dualscale';

/**
 * How many of us a request has come through (RFC 9110 7.6.3): a proxy whose upstream leads back to
 * it would never end.
 */
export function countVia(via: string | undefined): number {
  return (via ?? '').split(',').filter((entry) => entry.trim() === VIA).length;
}

/** What the upstream gets. `X-Forwarded-For` grows by the client's address, as nginx has it. */
export function requestHeaders(raw: readonly string[], { hostHeader }: Upstream, client: ClientFacts): string[] {
  const pairs = endToEnd(raw);
  const before = pairs.filter(([name]) => name.toLowerCase() === 'x-forwarded-for').map(([, value]) => value);
  return [
    ...pairs.filter(([name]) => !OURS.has(name.toLowerCase())),
    ['Host', hostHeader] as const,
    ['X-Forwarded-For', [...before, client.address].join(', ')] as const,
    ['X-Forwarded-Host', client.host] as const,
    ['Via', VIA] as const,
  ].flat();
}

/**
 * A redirect to the upstream itself is one to us: its address stays hidden, and clients could not
 * reach it.
 */
function locationOf(location: string, { isHttps, hostHeader, basePath }: Upstream): string {
  const origin = `${isHttps ? 'https' : 'http'}://${hostHeader}`;
  const isOwn = location === origin || location.startsWith(`${origin}/`);
  const path = isOwn ? location.slice(origin.length) || '/' : location;
  const isBelowBase = basePath !== '' && (path === basePath || path.startsWith(`${basePath}/`));
  return isBelowBase ? path.slice(basePath.length) || '/' : path;
}

/** What the client gets. */
export function responseHeaders(raw: readonly string[], upstream: Upstream): string[] {
  return endToEnd(raw).flatMap(([name, value]) => [
    name,
    name.toLowerCase() === 'location' ? locationOf(value, upstream) : value,
  ]);
}
