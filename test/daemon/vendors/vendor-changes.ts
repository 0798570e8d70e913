/** What a vendor may bring, made by hand; and a thing with some of its members replaced. */
import { type Grant, grantId, holderId } from '../../../daemon/access/model.ts';
import type { SyncChange, WantedGrant } from '../../../daemon/vendors/sync-change.ts';
import { instant } from '../../../drivers/contract/time.ts';

export function change(id: string, more: Partial<Grant> = {}): SyncChange {
  const grant: WantedGrant = {
    id: grantId(id),
    source: { vendor: 'keycafe', ref: id, version: '1' },
    holder: holderId(`h-${id}`),
    credentials: [],
    targets: [{ kind: 'key', id: 'flat-3' }],
    window: { kind: 'ongoing' },
    operations: ['pickup', 'dropoff'],
    options: {},
    state: 'active',
    ...more,
  };
  const record = {
    kind: 'access',
    ref: id,
    origin: 'vendor',
    state: 'in-step',
    since: instant(0),
  } as const;
  return { id, grant, record };
}

/** Its methods are called on it as it is. */
export function replaced<Thing extends object>(thing: Thing, by: Partial<Thing>): Thing {
  return new Proxy(thing, {
    get(target, name) {
      const own: unknown = Reflect.get(name in by ? by : target, name, name in by ? by : target);
      return typeof own === 'function' && !(name in by) ? own.bind(target) : own;
    },
  });
}
