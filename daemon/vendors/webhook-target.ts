/**
 * Where a caller of the dialect may have its events sent. A local client is what this is for, so this machine and its
 * network are allowed; addresses that are no host of anybody's are not, among them those by which a machine in a cloud
 * reads its own secrets. No redirect is followed, no answer is shown, and nothing is sent but the event.
 */
import { BlockList, isIP } from 'node:net';

const NEVER = new BlockList();
NEVER.addSubnet('0.0.0.0', 8, 'ipv4');
NEVER.addSubnet('169.254.0.0', 16, 'ipv4');
NEVER.addSubnet('192.0.0.0', 24, 'ipv4');
NEVER.addSubnet('224.0.0.0', 4, 'ipv4');
NEVER.addSubnet('240.0.0.0', 4, 'ipv4');
NEVER.addAddress('::', 'ipv6');
NEVER.addSubnet('fe80::', 10, 'ipv6');
NEVER.addSubnet('ff00::', 8, 'ipv6');
NEVER.addAddress('fd00:ec2::254', 'ipv6');

const NEAR = new BlockList();
NEAR.addSubnet('127.0.0.0', 8, 'ipv4');
NEAR.addSubnet('10.0.0.0', 8, 'ipv4');
NEAR.addSubnet('172.16.0.0', 12, 'ipv4');
NEAR.addSubnet('192.168.0.0', 16, 'ipv4');
NEAR.addSubnet('100.64.0.0', 10, 'ipv4');
NEAR.addAddress('::1', 'ipv6');
NEAR.addSubnet('fc00::', 7, 'ipv6');

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

function isIn(list: BlockList, host: string): boolean {
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(host);
  if (mapped !== null) return isIn(list, dotted(mapped[1] ?? '', mapped[2] ?? ''));
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** An IPv4 address as URLs write it within an IPv6 one. */
function dotted(high: string, low: string): string {
  const words = [high, low].map((each) => Number.parseInt(each, 16));
  return words.flatMap((word) => [word >> 8, word & 0xff]).join('.');
}
