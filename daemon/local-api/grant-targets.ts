/** What of a grant nothing here answers to: often a slip of the pen, which its holder would find out at the box. */
import { slotId } from '../access/ledger.ts';
import { keyId, type Target } from '../access/model.ts';
import type { SiteDesk } from './desk.ts';

/** `kind:id` of each; it may be there later, so that this is no fault. */
export function unansweredTargets(desk: SiteDesk, targets: readonly Target[]): string[] {
  const { accessPoints, policies } = desk.ports().site;
  const isHere = ({ kind, id }: Target): boolean => {
    switch (kind) {
      case 'key':
        return desk.grants.key(keyId(id)) !== undefined;
      case 'lock':
        return accessPoints.some(({ locks }) => locks.some((lock) => lock === id));
      case 'slot':
        return accessPoints.some(({ box }) =>
          box?.slots.some((slot) => slotId(box.device, slot) === id),
        );
      case 'access_level':
        return policies.accessLevels.has(id);
      case 'location':
        return accessPoints.some((point) => point.id === id);
      default:
        return kind satisfies never;
    }
  };
  return targets.filter((each) => !isHere(each)).map(({ kind, id }) => `${kind}:${id}`);
}
