/** What Seam can and cannot keep of a grant, told before anybody arrives. */
import type { Grant } from '../../access/model.ts';
import type { Remark } from '../fidelity.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { theirDevices } from './device-reader.ts';
import { refOf, type SeamPlaces } from './places.ts';

/** Digits that Seam takes for the code of a grant. */
const CODE_MOST = 9;

/** `undefined`: it is none of Seam's, and none of its doors is a device there. */
export function remarksOn(
  grant: Grant,
  sync: VendorSync,
  places: SeamPlaces,
): readonly Remark[] | undefined {
  const record = sync.record(grant.id);
  const theirs = grant.targets.filter((target) => refOf(places, target) !== undefined);
  if (theirs.length === 0 && record === undefined) return undefined;
  const cannot = (text: string): Remark => ({ kind: 'cannot', text });
  const differs = (text: string): Remark => ({ kind: 'differs', text });
  const isOurs = record?.origin !== 'vendor';
  const refs = new Set(theirs.map((target) => refOf(places, target)));
  const devices = Object.entries(theirDevices(sync)).filter(([id]) => refs.has(id));
  const pins = grant.credentials.filter(({ kind }) => kind === 'pin');
  return [
    ...(record?.state === 'cannot' ? [cannot(record.detail ?? 'Seam does not have it')] : []),
    ...(isOurs && grant.schedule !== undefined ? [cannot('Seam knows no weekly hours')] : []),
    ...(isOurs && grant.uses !== undefined ? [cannot('Seam does not count uses')] : []),
    ...(isOurs && pins.some(({ digits }) => (digits ?? 0) > CODE_MOST)
      ? [cannot('Seam takes codes of 4 to 9 digits')]
      : []),
    ...devices.flatMap(([id, { lengths }]) =>
      isOurs && pins.some(({ digits = 6 }) => lengths?.includes(digits) === false)
        ? [cannot(`device ${id} takes codes of ${lengths?.join(', ')} digits`)]
        : [],
    ),
    ...devices.flatMap(([id, { state }]) => {
      if (state === 'missing') return [cannot(`Seam has no device ${id}`)];
      return state === 'offline' ? [differs(`device ${id}: Seam does not reach it`)] : [];
    }),
    ...(grant.window.kind === 'wall' || grant.window.kind === 'floating'
      ? [differs('Seam keeps instants: a change of zone rules moves them there')]
      : []),
    ...(theirs.length > 0 && theirs.length < grant.targets.length
      ? [differs('some of its doors are no devices of Seam')]
      : []),
    ...(record?.places ?? [])
      .filter(({ state }) => state !== 'active')
      .map(
        ({ place, state, detail }): Remark => ({
          kind: state === 'pending' ? 'pending' : 'differs',
          text: `device ${place}: ${state} ${detail ?? ''}`.trim(),
        }),
      ),
  ];
}
