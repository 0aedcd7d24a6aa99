/**
 * The one server behind a proxy: where it is, and that its name does not lead into a private
 * network.
 */
import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { badOption, DualscaleError } from '../../core/errors.ts';
import { guard } from '../../core/guarded.ts';
import { isPrivateAddress } from './private-address.ts';

/** `dns.lookup` as it is called here. */
export type Resolve = (
  hostname: string,
  options: { readonly all: true; readonly family?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: { address: string; family: number }[]) => void,
) => void;

export interface UpstreamOptions {
  /**
   * `http:` or `https:`, host, port and a path that is put in front of every request's; no query,
   * no credentials.
   */
  readonly upstream: string;
  /**
   * Whether its name may lead to a private, loopback or link-local address. @default true where
   * `upstream` is such an address itself or `localhost`, and so was chosen on purpose
   */
  readonly allowPrivate?: boolean;
  /** How names become addresses. @default the system's resolver */
  readonly resolve?: Resolve;
}

export interface Upstream {
  readonly isHttps: boolean;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  /** `''` for the protocol's own. */
  readonly port: string;
  /** `host:port` as in the `Host` header. */
  readonly hostHeader: string;
  /** Starts with `/`, or is empty; never ends with one. */
  readonly basePath: string;
  /**
   * Every address is checked when the connection to it is made, and the connection uses no other.
   */
  readonly lookup: LookupFunction;
}

function parseUrl(upstream: string): URL {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  const isPlain = url && !url.username && !url.password && !url.search && !url.hash;
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    throw badOption('upstream', 'an http or https URL without query, fragment and credentials', upstream);
  }
  return url;
}

type Address = { address: string; family: number };

function checkAddresses(
  hostname: string,
  addresses: readonly Address[],
  allowPrivate: boolean,
): DualscaleError | undefined {
  const refused = allowPrivate ? undefined : addresses.find(({ address }) => isPrivateAddress(address));
  if (!refused && addresses.length > 0) return undefined;
  const got = refused ? `${refused.address}, which is private: see \`allowPrivate\`` : 'no address';
  return new DualscaleError('DS_UPSTREAM', `${hostname} leads to ${got}`);
}

function guarded(allowPrivate: boolean, resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    const family = typeof options.family === 'number' ? options.family : undefined;
    let isSettled = false;
    const settle = (resolveError: unknown, addresses: readonly Address[] = []) => {
      if (isSettled) return;
      isSettled = true;
      const error = resolveError ?? checkAddresses(hostname, addresses, allowPrivate);
      const [first] = addresses;
      if (error || !first) callback(error as Error, '', 0);
      else if (options.all) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    };
    // The host's own resolver: what it throws fails this connection and nothing else.
    guard(resolve, settle)(hostname, { family, all: true }, settle);
  };
}

/** Throws DS_BAD_OPTION. */
export function readUpstream({ upstream, allowPrivate, resolve = systemLookup as Resolve }: UpstreamOptions): Upstream {
  const url = parseUrl(upstream);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const isAddress = isIP(hostname) !== 0;
  // An address is never looked up, so it is checked here.
  const isPrivate = isAddress ? isPrivateAddress(hostname) : /(^|\.)localhost$/.test(hostname);
  if (isPrivate && allowPrivate === false) throw badOption('upstream', 'a public address or name', upstream);
  return {
    isHttps: url.protocol === 'https:',
    hostname,
    port: url.port,
    hostHeader: url.host,
    basePath: url.pathname.replace(/\/+$/, ''),
    lookup: guarded(allowPrivate ?? isPrivate, resolve),
  };
}
