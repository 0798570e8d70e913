/** What an event shows: a card, a code, a choice, or nothing that can be read. */
import type { DeviceEvent } from '../../drivers/contract/device.ts';
import type { Stamp } from './entry.ts';
import type { DeviceRole } from './knowledge.ts';
import { waitLeft } from './lockout.ts';
import type { Pending, Presentation } from './presentation.ts';
import type { KnowledgePorts } from './site-facts.ts';

/** A choice is the number of a slot or key, shorter than any code. */
const SHORTEST_CODE = 4;
const LONGEST_CODE = 16;

export function presentationOf(
  event: DeviceEvent,
  role: DeviceRole,
  pending: Pending | undefined,
  ports: KnowledgePorts,
  stamp: Stamp,
): Presentation | undefined {
  if (role.kind !== 'reader') return undefined;
  if (event.kind === 'card-read') return { kind: 'card', index: ports.indexer.card(event) };
  if (event.kind === 'card-malformed') {
    return { kind: 'malformed', what: 'card', fault: event.fault };
  }
  if (event.kind !== 'code-entered') return undefined;
  const { digits } = event;
  if (!/^\d*$/.test(digits)) return { kind: 'malformed', what: 'code', fault: 'not digits' };
  if (pending?.kind === 'choice' && digits.length > 0 && digits.length < SHORTEST_CODE) {
    return { kind: 'choice', number: String(Number(digits)) };
  }
  if (digits.length < SHORTEST_CODE || digits.length > LONGEST_CODE) {
    return { kind: 'malformed', what: 'code', fault: 'length' };
  }
  const { site, ledger } = ports;
  const row = site.keypads.has(event.device) ? ledger.get('keypad', event.device) : undefined;
  const now = { boot: stamp.boot, uptime: stamp.uptime, startedAt: ports.state.startedAt };
  const isLocked = waitLeft(row, digits.length, now, site.policies.lockout) > 0;
  const code = { kind: 'code', digits: digits.length } as const;
  return isLocked ? code : { ...code, index: ports.indexer.pin(digits) };
}
