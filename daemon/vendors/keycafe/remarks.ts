/** What Keycafe can and cannot keep of a grant, told before the guest arrives. */
import type { Grant } from '../../access/model.ts';
import type { Remark } from '../fidelity.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { boundsOf, cannotExpress } from './mapping.ts';
import type { KeycafePlaces } from './thing.ts';

export function remarksOn(
  grant: Grant,
  sync: VendorSync,
  places: KeycafePlaces,
): readonly Remark[] | undefined {
  const theirs = new Set(Object.values(places.keys));
  const isConcerned = grant.targets.some(
    ({ kind, id }) => kind === 'key' && (theirs.has(id) || sync.record(id)?.kind === 'key'),
  );
  const isTheirs = grant.source.vendor === 'keycafe';
  if (!isConcerned && !isTheirs) return undefined;
  const { zone } = sync.desk.about;
  const cannot = isTheirs ? undefined : cannotExpress(grant, zone);
  if (cannot !== undefined) return [{ kind: 'cannot', text: cannot }];
  const differs = (text: string): Remark => ({ kind: 'differs', text });
  const record = sync.record(grant.id);
  const { window } = grant;
  const isCut =
    window.kind === 'instants' &&
    boundsOf(window, zone) !== undefined &&
    [window.start, window.end].some((at) => at !== undefined && at % 60_000 !== 0);
  return [
    ...(record?.state === 'cannot' ? [{ kind: 'cannot', text: record.detail ?? '' } as const] : []),
    ...(record === undefined || record.state === 'in-step' || record.state === 'cannot'
      ? []
      : [{ kind: 'pending', text: 'Keycafe does not know of it yet' } as const]),
    ...(record?.origin === 'vendor'
      ? []
      : [differs('at other boxes Keycafe’s own code counts, not this one')]),
    ...(isCut ? [differs('its bounds are cut to whole minutes')] : []),
    ...(window.kind === 'ongoing' && record?.origin !== 'vendor'
      ? [differs('a change cancels it there and makes another, with another code')]
      : []),
  ];
}
