import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from '../../../daemon/access/entry.ts';
import { RemoteSettings } from '../../../daemon/remote/settings.ts';
import { changeSettings } from '../../../daemon/remote/settings-change.ts';
import { POLICIES } from '../access/world.ts';

const FILE = { ...POLICIES, clockUntrusted: 'grace', auditFull: 'allow' } as const;

function settingsOf(mark?: Json): RemoteSettings {
  return new RemoteSettings({ mark: () => mark }, () => {});
}

function policiesOf(settings: RemoteSettings): readonly string[] {
  const { clockUntrusted, auditFull } = settings.narrowed(FILE);
  return [clockUntrusted, auditFull];
}

function changed(settings: RemoteSettings, version: number, set: JsonObject) {
  const change = changeSettings(settings, version, set);
  if ('fault' in change) throw new Error(change.fault);
  return change;
}

test('P5: two changes on their way to the disk at once: the second rests on the first', () => {
  const settings = settingsOf();
  const first = changed(settings, 1, { 'policies.clockUntrusted': 'deny' });
  const second = changed(settings, 2, { 'policies.auditFull': 'allow_staff' });
  assert.deepEqual(changeSettings(settings, 2, {}), { fault: 'conflict', data: { have: 2 } });
  assert.deepEqual(policiesOf(settings), ['grace', 'allow'], 'nothing holds before it is stored');
  first.ended(true);
  assert.deepEqual(policiesOf(settings), ['deny', 'allow']);
  second.ended(true);
  assert.deepEqual(policiesOf(settings), ['deny', 'allow_staff']);
});

test('a change that could not be stored leaves its version to the next', () => {
  const settings = settingsOf();
  changed(settings, 1, { 'policies.auditFull': 'deny' }).ended(false);
  changed(settings, 1, { 'policies.clockUntrusted': 'deny' }).ended(true);
  assert.deepEqual(policiesOf(settings), ['deny', 'allow']);
});

test('P5: what another version of the daemon stored narrows as far as it is known, and to the narrowest where it is not', () => {
  const stored = (set: JsonObject) => policiesOf(settingsOf({ version: 3, set }));
  const known = { 'policies.clockUntrusted': 'deny', 'policies.auditFull': 'allow_staff' };
  assert.deepEqual(stored(known), ['deny', 'allow_staff']);
  assert.deepEqual(stored({ ...known, 'policies.new': true }), ['deny', 'allow_staff']);
  assert.deepEqual(stored({ 'policies.auditFull': 'ask' }), ['grace', 'deny']);
  assert.deepEqual(stored({ 'log.level': 'trace' }), ['grace', 'allow']);
});
