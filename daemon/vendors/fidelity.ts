/** Before anybody arrives: what each place that a stay concerns can and cannot keep of it. */
import type { StoredGrant } from '../access/lookup.ts';
import type { Grant, GrantId, HolderId, Vendor } from '../access/model.ts';
import { scheduleFaults } from '../access/schedule.ts';
import type { VendorDesk } from './desk.ts';

/** `cannot`: it does not hold there at all. `differs`: it holds, not exactly as asked for. `pending`: not there yet. */
export interface Remark {
  readonly kind: 'cannot' | 'differs' | 'pending';
  readonly text: string;
}

export interface PlaceFidelity {
  readonly place: 'site' | Vendor;
  /** Empty: exactly as asked. */
  readonly remarks: readonly Remark[];
}

export interface GrantFidelity {
  readonly grant: GrantId;
  readonly source: Vendor;
  readonly targets: readonly string[];
  readonly places: readonly PlaceFidelity[];
}

export interface Judge {
  readonly vendor: Vendor;
  readonly fidelity: (grant: Grant) => readonly Remark[] | undefined;
}

/** One holder over many places: all that they may do here, whoever gave it. */
export function stayOf(
  holder: HolderId,
  { grants, about }: Pick<VendorDesk, 'grants' | 'about'>,
  judges: readonly Judge[],
): readonly GrantFidelity[] {
  return grants
    .grantsOf(holder)
    .filter(({ revoked, grant }) => revoked === undefined && grant.state !== 'superseded')
    .map((stored) => fidelityOf(stored, about.zone, judges));
}

/** Places that do not keep it exactly; what only waits is left out. */
export function remarkedPlaces({ places }: GrantFidelity) {
  return places.flatMap(({ place, remarks }) => {
    const textsOf = (kind: Remark['kind']) =>
      remarks.filter((remark) => remark.kind === kind).map(({ text }) => text);
    const [cannot, differs] = [textsOf('cannot'), textsOf('differs')];
    return cannot.length + differs.length === 0 ? [] : [{ place, cannot, differs }];
  });
}

export function fidelityOf(
  stored: StoredGrant,
  siteZone: string,
  judges: readonly Judge[],
): GrantFidelity {
  const { grant } = stored;
  const others = judges.flatMap(({ vendor, fidelity }): PlaceFidelity[] => {
    const remarks = fidelity(grant);
    return remarks === undefined ? [] : [{ place: vendor, remarks }];
  });
  return {
    grant: grant.id,
    source: grant.source.vendor,
    targets: grant.targets.map(({ kind, id }) => `${kind} ${id}`),
    places: [{ place: 'site', remarks: remarksHere(stored, siteZone) }, ...others],
  };
}

function remarksHere({ grant, window }: StoredGrant, siteZone: string): readonly Remark[] {
  const cannot = (text: string): Remark => ({ kind: 'cannot', text });
  const isBounded = grant.window.kind === 'wall' || grant.window.kind === 'floating';
  return [
    ...(grant.unsupported ?? []).map((name) =>
      cannot(`this version does not know its limit ${name}`),
    ),
    ...(grant.schedule === undefined
      ? []
      : scheduleFaults(grant.schedule).map((each) => cannot(String(each)))),
    ...(isBounded && window.start === undefined ? [cannot('its window resolves to nothing')] : []),
    ...(grant.targets.length === 0 ? [cannot('nothing that it opens is known here')] : []),
    ...(grant.credentials.length === 0
      ? [cannot('nothing can be shown for it at a reader here')]
      : []),
    ...(grant.window.kind === 'wall' && grant.window.zone !== siteZone
      ? [{ kind: 'differs', text: `its times are those of ${grant.window.zone}` } as const]
      : []),
  ];
}
