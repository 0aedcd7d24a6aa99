/** Which IP addresses are not on the public Internet. */
import { BlockList, isIPv6 } from 'node:net';

/**
 * IANA's special-purpose registries: this host, private, shared, link-local (cloud metadata),
 * documentation, multicast, reserved.
 */
const IPV4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

/**
 * The same, and every form that carries an IPv4 address inside (NAT64, 6to4, Teredo): nobody serves
 * pictures from those.
 */
const IPV6: readonly (readonly [network: string, prefix: number])[] = [
  ['::', 128],
  ['::1', 128],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

const PRIVATE = new BlockList();
for (const [network, prefix] of IPV4) PRIVATE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of IPV6) PRIVATE.addSubnet(network, prefix, 'ipv6');

/** `address`: an IPv4 or IPv6 address, also an IPv4 one written as IPv6 (`::ffff:10.0.0.1`). */
export function isPrivateAddress(address: string): boolean {
  // A zone (`fe80::1%eth0`) belongs to link-local addresses only and is not part of the address.
  const [bare] = address.split('%') as [string];
  return PRIVATE.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4');
}
