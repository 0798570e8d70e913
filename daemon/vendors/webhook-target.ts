/**
 * Where a caller of the dialect may have its events sent. A local client is what this is for, so this machine and its
 * network are allowed; addresses that are no host of anybody's are not, among them those by which a machine in a cloud
 * reads its own secrets. No redirect is followed, no answer is shown, and nothing is sent but the event.
 */
import { BlockList, isIP } from 'node:net';

const NEVER = new BlockList();
const NEAR = new BlockList();
/** What a network without IPv4 makes of such an address (RFC 6052): the far side of its translator is nothing near. */
const translated = (address: string) => `64:ff9b::${address}`;

const NEVER_IPV4 = [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
] as const;
for (const [address, bits] of NEVER_IPV4) NEVER.addSubnet(address, bits, 'ipv4');
NEVER.addAddress('::', 'ipv6');
NEVER.addSubnet('fe80::', 10, 'ipv6');
NEVER.addSubnet('fec0::', 10, 'ipv6');
NEVER.addSubnet('ff00::', 8, 'ipv6');
NEVER.addAddress('fd00:ec2::254', 'ipv6');
// An IPv4 address within one of IPv6, in ways that no host is reached by any more, and that say little of where they
// lead: IPv4-compatible (RFC 4291), IPv4-translated (2765), Teredo (4380), 6to4 (3056).
NEVER.addRange('::2', '::255.255.255.255', 'ipv6');
NEVER.addSubnet('::ffff:0:0:0', 96, 'ipv6');
NEVER.addSubnet('2001::', 32, 'ipv6');
NEVER.addSubnet('2002::', 16, 'ipv6');
// A translator's prefix of the network's own (RFC 8215): only that network knows where in it the address lies.
NEVER.addSubnet('64:ff9b:1::', 48, 'ipv6');

const NEAR_IPV4 = [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
] as const;
for (const [address, bits] of NEAR_IPV4) NEAR.addSubnet(address, bits, 'ipv4');
NEAR.addAddress('::1', 'ipv6');
NEAR.addSubnet('fc00::', 7, 'ipv6');

for (const [address, bits] of [...NEVER_IPV4, ...NEAR_IPV4]) {
  NEVER.addSubnet(translated(address), 96 + bits, 'ipv6');
}

/** Names that only a network at home answers (RFC 6762, 8375), and those of one word. */
const NEAR_NAME = /^(localhost|[^.]+|.+\.(localhost|local|lan|internal|home\.arpa))$/i;

/** Why nothing may be sent there; `undefined` where it may. */
export function targetFault(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return 'an http or https URL';
  if (url.username !== '' || url.password !== '') return 'a URL without a name or password';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (!isAllowed(host)) return 'an address that a host can have';
  if (url.protocol === 'http:' && !isNear(host)) {
    return 'https, unless it is this machine or its own network';
  }
  return undefined;
}

/** The event may carry a code: nobody listens on the way (P10). */
export function isPrivateTarget(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || /^(127\.[\d.]+|\[::1\]|localhost)$/.test(hostname);
}

/** Of an address, also one that a name was found to have. */
export function isAllowed(host: string): boolean {
  return !isIn(NEVER, host);
}

function isNear(host: string): boolean {
  return isIP(host) === 0 ? NEAR_NAME.test(host) : isIn(NEAR, host);
}

/** An IPv4-mapped address is judged as the IPv4 one: the list does so itself. */
function isIn(list: BlockList, host: string): boolean {
  const [address = ''] = host.split('%'); // without its interface
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
