/** The topic tree, wire major 1 (conventions 1.5): `<root>/1/<bridge>/…`, at most 7 slashes and 256 bytes. */
import type { EntryClass } from '../access/entry.ts';

export interface Topics {
  readonly bridge: string;
  /** `<root>/1/<bridge>` */
  readonly base: string;
  /** Filters a bridge subscribes to: its commands, its event acknowledgements. Nothing else. */
  readonly down: readonly [commands: string, ack: string];
  readonly ack: string;
  readonly status: string;
  readonly state: string;
  readonly log: string;
  /** Which unit of the site acts, retained; the other reads it. */
  readonly unit: string;
  command(type: string): string;
  reply(requester: string): string;
  events(entryClass: EntryClass): string;
  device(device: string): string;
}

/** By convention `kb-` and 6 to 12 of hex or base32; equals the certificate's CN and the client id. */
export const BRIDGE_ID = /^[a-z0-9][a-z0-9-]{2,31}$/;
export const REQUESTER = /^[a-z0-9-]{1,32}$/;
const ROOT = /^[A-Za-z0-9_-]{1,40}(\/[A-Za-z0-9_-]{1,40}){0,2}$/;

/** @throws RangeError where the root or the id would make topics that a broker refuses. */
export function topicsOf(root: string, bridge: string): Topics {
  if (!ROOT.test(root))
    throw new RangeError(`a topic root is 1 to 3 plain levels, found "${root}"`);
  if (!BRIDGE_ID.test(bridge)) {
    throw new RangeError(`a bridge id is 3 to 32 of a-z, 0-9 and "-", found "${bridge}"`);
  }
  const base = `${root}/1/${bridge}`;
  return {
    bridge,
    base,
    down: [`${base}/cmd/+`, `${base}/ack`],
    ack: `${base}/ack`,
    status: `${base}/status`,
    state: `${base}/state`,
    log: `${base}/log`,
    unit: `${base}/unit`,
    command: (type) => `${base}/cmd/${type}`,
    reply: (requester) => `${base}/res/${requester}`,
    events: (entryClass) => `${base}/evt/${entryClass}`,
    device: (device) => `${base}/dev/${device}/state`,
  };
}

/** Largest payload per kind of message, bytes. */
export const LARGEST = {
  command: 64 * 1024,
  ack: 1024,
  reply: 64 * 1024,
  events: 16 * 1024,
  status: 1024,
  state: 8 * 1024,
  device: 4 * 1024,
  log: 4 * 1024,
} as const;

/** Seconds after which a broker may drop an undelivered message; `undefined`: never. */
export const EXPIRY_SECONDS = { ack: 86_400, reply: 300, log: 3_600 } as const;
