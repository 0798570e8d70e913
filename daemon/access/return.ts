/** A key that comes back: judged by less than one that goes out, because the box wants it (P7). */
import { type Millis, uptime } from '../../drivers/contract/time.ts';
import { type Decision, type Denied, denied, type Granted, type Opens } from './decision.ts';
import type { Knowledge, KnownKey, KnownMatch } from './knowledge.ts';
import type { AccessPointId, CredentialIndex, GrantId, KeyId, Reason } from './model.ts';
import type { Party } from './party.ts';
import { freeSlot, targetsOf } from './place.ts';
import type { Pending } from './presentation.ts';
import { isCompleted } from './second-factor.ts';
import { hardwareRefusal, mayAttach, storageRefusal } from './things.ts';

/** A fob must be shown within this time after the presentation that allows attaching it. */
const ATTACH_WAIT: Millis = 30_000;

export interface Held {
  readonly match: KnownMatch;
  readonly key: KnownKey;
  /** This is a box that the key may be returned at. */
  readonly belongsHere: boolean;
}

/** The code of a grant whose holder has the key is a return, whatever became of the grant. Only at a key box. */
export function heldUnder(matches: readonly KnownMatch[], known: Knowledge): Held | undefined {
  if (known.point?.box === undefined) return undefined;
  const found = matches
    .filter(({ credential }) => credential.combineWith === undefined || isCompleted(known))
    .flatMap((match) => {
      const targets = targetsOf(match.grant.targets, known.policies.accessLevels);
      return known.keys
        .filter(({ id, custody }) => {
          if (custody?.place.kind !== 'holder') return false;
          const { holder, grant } = custody.place;
          const isNamed = targets.some((target) => target.kind === 'key' && target.id === id);
          return grant === match.grant.id || (holder === match.grant.holder && isNamed);
        })
        .map((key) => ({ match, key, belongsHere: belongsAt(key, known.point?.id) }));
    });
  return found.find(({ belongsHere }) => belongsHere) ?? found[0];
}

function belongsAt({ roaming, home }: KnownKey, point: AccessPointId | undefined): boolean {
  return roaming || home === undefined || home === point;
}

/** A return is refused only away from home, for want of a slot, or by a broken box (P7). */
export function judgeReturn(known: Knowledge, key: KnownKey, party: Party, held?: Held): Decision {
  const { point } = known;
  const { home } = key;
  const refused = (reason: Reason, more: Partial<Denied> = {}) =>
    denied(reason, { ...party, key: key.id, operation: 'dropoff', ...more });

  if (point?.box === undefined || key.virtual) return refused('wrong-access-point');
  if (!belongsAt(key, point.id)) {
    return refused('wrong-access-point', home === undefined ? {} : { home });
  }
  const slot = freeSlot(known, key);
  if (slot === undefined) return refused('box-full');
  const opens: Opens[] = [{ kind: 'slot', device: point.box.device, slot, hold: point.hold }];
  const grant = held?.match.grant;
  const broken =
    hardwareRefusal(opens, known) ?? storageRefusal(known, grant?.options.staff === true, false);
  if (broken !== undefined) return refused(broken);

  const isLive = held?.match.revoked === undefined && grant?.state === 'active';
  return {
    kind: 'granted',
    operation: 'dropoff',
    opens,
    isReturn: true,
    counted: false,
    ...party,
    key: key.id,
    ...(grant !== undefined && isLive && mayAttach(key, grant)
      ? attachPending(known, key.id, grant.id)
      : {}),
  };
}

/** An unknown fob becomes the key's, once; a slot opens for it unless one was opened already. */
export function attachFob(
  known: Knowledge,
  key: KnownKey,
  pending: Extract<Pending, { kind: 'attach-fob' }>,
  fob: CredentialIndex,
): Granted {
  const underWay = known.openings.some((opening) => opening.key === key.id);
  const free = underWay ? undefined : freeSlot(known, key);
  const box = known.point?.box;
  const opens: Opens[] =
    free === undefined || box === undefined
      ? []
      : [{ kind: 'slot', device: box.device, slot: free, hold: known.point?.hold ?? 0 }];
  const isPossible = hardwareRefusal(opens, known) === undefined && known.storageSafe;
  return {
    kind: 'granted',
    operation: 'attach-fob',
    method: 'key-fob',
    opens: isPossible ? opens : [],
    key: key.id,
    grant: pending.grant,
    isReturn: false,
    counted: false,
    attaches: fob,
  };
}

export function attachPending(
  known: Knowledge,
  key: KeyId | undefined,
  grant: GrantId,
): { readonly pending?: Pending } {
  if (key === undefined) return {};
  const until = uptime(known.now.uptime + ATTACH_WAIT);
  return { pending: { kind: 'attach-fob', until, key, grant } };
}
