/** Entries of an ordinary day: people who came and went. */
import type { Entry } from '../../daemon/access/entry.ts';
import { holderId } from '../../daemon/access/model.ts';
import { deviceId } from '../../drivers/contract/device.ts';

export function entriesOf(count: number, from = 0): readonly Entry[] {
  return Array.from({ length: count }, (_, each) => entryOf(from + each));
}

function entryOf(n: number): Entry {
  const guest = n % 5000;
  return {
    type: n % 10 === 0 ? 'access.denied' : n % 2 === 0 ? 'access.granted' : 'access.opened',
    device: deviceId(n % 2 === 0 ? 'keypad' : 'door'),
    ...(n % 10 === 0 ? {} : { sub: holderId(`h-${guest}`) }),
    body: {
      accessPoint: 'front-door',
      operation: 'unlock',
      method: 'pin',
      grant: `g-${guest.toString().padStart(7, '0')}`,
      rev: 1,
      ...(n % 10 === 0 ? { reason: 'unknown-credential' } : { lock: 'door', hold: 5000 }),
    },
  };
}
