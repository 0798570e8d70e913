import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doorId, Ledger, type Opening } from '../../daemon/access/ledger.ts';
import type { GrantLookup, StoredGrant } from '../../daemon/access/lookup.ts';
import { accessPointId, type Grant, grantId, holderId, keyId } from '../../daemon/access/model.ts';
import { overtaken, whyNot } from '../../daemon/recheck.ts';
import {
  type Actuation,
  actuationId,
  deviceId,
  slotNumber,
} from '../../drivers/contract/device.ts';
import { instant, uptime } from '../../drivers/contract/time.ts';

const box = deviceId('box');
const slot = slotNumber(3);
const grant: Grant = {
  id: grantId('g-1'),
  rev: 1,
  source: { vendor: 'cloud', ref: 'g-1', version: '1' },
  holder: holderId('h-1'),
  credentials: [],
  targets: [{ kind: 'key', id: 'k-1' }],
  window: { kind: 'ongoing' },
  operations: ['pickup'],
  options: {},
  state: 'active',
};
const pickup: Opening = {
  seq: 7,
  device: box,
  slot,
  accessPoint: accessPointId('lobby'),
  operation: 'pickup',
  key: keyId('k-1'),
  grant: grant.id,
  holder: grant.holder,
  counted: false,
  since: instant(1000),
  boot: 'b',
  due: undefined,
  seen: {},
};

function site(opening: Opening, changed: Partial<StoredGrant> = {}) {
  const ledger = new Ledger();
  ledger.apply([
    { table: 'opening', id: '7', value: opening },
    { table: 'key', id: 'k-1', value: { place: { kind: 'slot', box, slot }, flags: [] } },
  ]);
  const stored: StoredGrant = {
    grant,
    window: { start: undefined, end: undefined },
    revoked: undefined,
    ...changed,
  };
  const grants: GrantLookup = {
    byCredential: () => [],
    grant: (id) => (id === grant.id ? stored : undefined),
    grantsOf: () => [],
    key: () => undefined,
    keyByFob: () => undefined,
    keys: () => [],
    reservedSlots: () => [],
  };
  return { ledger, grants };
}

test('P6: an opening whose grant still holds goes to the wire', () => {
  const { ledger, grants } = site(pickup);
  assert.equal(overtaken(7, ledger, grants), undefined);
  assert.equal(overtaken(8, ledger, grants), 'ended', 'no such opening');
});

test('P6: a revocation, a change, a lockdown or a moved key in between takes the opening back', () => {
  const revoked = site(pickup, { revoked: { rev: 2, at: instant(1500) } });
  assert.equal(overtaken(7, revoked.ledger, revoked.grants), 'revoked');
  const replaced = site(pickup, { grant: { ...grant, state: 'superseded' } });
  assert.equal(overtaken(7, replaced.ledger, replaced.grants), 'superseded');

  const decided: Opening = { ...pickup, rev: 1 };
  const same = site(decided);
  assert.equal(overtaken(7, same.ledger, same.grants), undefined);
  const narrowed = site(decided, { grant: { ...grant, rev: 2 } });
  assert.equal(overtaken(7, narrowed.ledger, narrowed.grants), 'changed');

  const { ledger, grants } = site(pickup);
  const lockdown = { id: 'l', scope: 'site', allowStaff: true, since: instant(1500) } as const;
  ledger.apply([{ table: 'lockdown', id: 'l', value: lockdown }]);
  assert.equal(overtaken(7, ledger, grants), 'lockdown');
  // The same millisecond, or the wall clock was set back between the two.
  for (const since of [1000, 500]) {
    ledger.apply([{ table: 'lockdown', id: 'l', value: { ...lockdown, since: instant(since) } }]);
    assert.equal(overtaken(7, ledger, grants), 'lockdown', String(since));
  }
  const command: Opening = { ...pickup, operation: 'command' };
  ledger.apply([{ table: 'opening', id: '7', value: command }]);
  assert.equal(overtaken(7, ledger, grants), undefined, 'it was asked for in the lockdown');
  ledger.apply([{ table: 'opening', id: '7', value: pickup }]);
  ledger.apply([{ table: 'lockdown', id: 'l', value: undefined }]);

  ledger.apply([
    {
      table: 'key',
      id: 'k-1',
      value: { place: { kind: 'unknown', since: instant(1) }, flags: [] },
    },
  ]);
  assert.equal(overtaken(7, ledger, grants), 'key-moved');
});

test('P6: staff goes on in a lockdown that lets staff in', () => {
  const { ledger, grants } = site(pickup, { grant: { ...grant, options: { staff: true } } });
  const lockdown = { id: 'l', scope: 'site', allowStaff: true, since: instant(1500) } as const;
  ledger.apply([{ table: 'lockdown', id: 'l', value: lockdown }]);
  assert.equal(overtaken(7, ledger, grants), undefined);
  ledger.apply([{ table: 'lockdown', id: 'l', value: { ...lockdown, allowStaff: false } }]);
  assert.equal(overtaken(7, ledger, grants), 'lockdown');
});

test('P7: a return is refused by nothing that came later', () => {
  const back: Opening = { ...pickup, operation: 'dropoff', isReturn: true };
  const { ledger, grants } = site(back, { revoked: { rev: 2, at: instant(1500) } });
  ledger.apply([
    {
      table: 'lockdown',
      id: 'l',
      value: { id: 'l', scope: 'site', allowStaff: false, since: instant(1500) },
    },
  ]);
  assert.equal(overtaken(7, ledger, grants), undefined);
});

test('locking is no opening that could have ended; during a fire neither it nor a short opening goes to the wire', () => {
  const gate = deviceId('gate');
  const { slot: _, key: __, ...rest } = pickup;
  const opening: Opening = { ...rest, slot: undefined, key: undefined, device: gate };
  const unlocked: Opening = { ...opening, operation: 'unlock', hold: 5000 };
  const { ledger, grants } = site(unlocked);
  const asked = { device: gate, expiresAt: uptime(2000) };
  const lock: Actuation = { ...asked, kind: 'lock', id: actuationId('a-9') };
  const unlock: Actuation = { ...asked, kind: 'unlock', id: actuationId('a-7'), hold: 5000 };
  assert.equal(whyNot(lock, ledger, grants), undefined);
  assert.equal(whyNot(unlock, ledger, grants), undefined);
  assert.equal(whyNot({ ...unlock, id: actuationId('a-9') }, ledger, grants), 'ended');
  assert.equal(whyNot({ ...unlock, id: actuationId('f-9') }, ledger, grants), undefined);

  const released = { flags: [], fire: true };
  ledger.apply([{ table: 'slot', id: doorId(gate), value: released }]);
  assert.equal(whyNot(lock, ledger, grants), 'fire');
  assert.equal(whyNot(unlock, ledger, grants), 'fire');
  const longer = { ...unlocked, hold: 60_000 };
  ledger.apply([{ table: 'opening', id: '7', value: longer }]);
  assert.equal(whyNot(unlock, ledger, grants), undefined);
});
