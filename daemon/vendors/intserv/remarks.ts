/** What IntServ can and cannot keep of a grant, told before the guest arrives. */
import type { Grant } from '../../access/model.ts';
import type { Remark } from '../fidelity.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { cannotExpress, type IntservPlaces } from './mapping.ts';

export function remarksOn(
  grant: Grant,
  sync: VendorSync,
  { levels, codeMost }: IntservPlaces,
): readonly Remark[] | undefined {
  const isTheirs = grant.source.vendor === 'intserv';
  const named = Object.entries(levels)
    .filter(([, name]) =>
      grant.targets.some(({ kind, id }) => kind === 'access_level' && id === name),
    )
    .map(([id]) => id);
  if (!isTheirs && named.length === 0) return undefined;
  const cannot = isTheirs ? undefined : cannotExpress(grant, named);
  const record = sync.record(grant.id);
  const remarks: Remark[] = [];
  if (cannot !== undefined) remarks.push({ kind: 'cannot', text: cannot });
  else if (record?.state === 'cannot') remarks.push({ kind: 'cannot', text: record.detail ?? '' });
  else if (record !== undefined && record.state !== 'in-step') {
    remarks.push({ kind: 'pending', text: 'IntServ does not know of it yet' });
  }
  for (const { place, state, detail } of record?.places ?? []) {
    if (state === 'failed')
      remarks.push({ kind: 'cannot', text: `${place}: ${detail ?? 'failed'}` });
    if (state === 'pending') remarks.push({ kind: 'pending', text: `${place}: not there yet` });
  }
  const isCut = grant.credentials.some(
    ({ id, digits }) => id === 'intserv:code' && codeMost !== undefined && digits === codeMost,
  );
  if (isCut) remarks.push({ kind: 'differs', text: 'its code may be cut from the left here' });
  return remarks;
}
