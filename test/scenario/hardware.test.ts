/** A part breaks, and stays alone with it (P11). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceId } from '../../drivers/contract/device.ts';
import { FLAT_KEY, minutes, STORE_KEY, simulatedSite } from '../site.ts';

test('reader unplugged: it is reported, the keypad goes on, and plugged in again it works by itself', async () => {
  await using site = await simulatedSite({ seed: 41 });
  await site.put({ id: 'guest', pin: '482913' });
  await site.put({ id: 'staff', fob: '1F00644BB6', key: STORE_KEY.key });
  await site.ports.get('lobby-bus')?.unplug();
  await site.advance(minutes(1));
  assert.equal(site.last('device.offline').device, 'fobs');
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 1);
  await site.takeKey(FLAT_KEY.slot);

  await site.ports.get('lobby-bus')?.plug();
  await site.advance(minutes(2));
  assert.equal(site.last('device.online').device, 'fobs');
  await site.show('1F00644BB6');
  assert.equal(site.pulses(STORE_KEY.slot), 1);
});

test('the box without power: refused as offline, and nothing that was asked meanwhile is opened later', async () => {
  await using site = await simulatedSite({ seed: 42 });
  await site.put({ id: 'guest', pin: '482913' });
  const box = site.buses.get('box-bus')?.devices.get('box');
  box?.power(false);
  await site.advance(minutes(1));
  await site.type('482913#');
  assert.equal(site.last('access.denied').body['reason'], 'device-offline');
  box?.power(true);
  await site.advance(minutes(2));
  assert.equal(site.pulseCount, 0);
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 1);
});

test('lock battery dead: it is told before, then as offline, and the key box never notices', async () => {
  await using site = await simulatedSite({ seed: 43, withLock: true });
  const { lock } = site;
  assert.ok(lock);
  await site.advance(minutes(1));
  lock.battery = 3;
  await site.advance(minutes(3));
  const told = site.last('device.battery');
  assert.deepEqual([told.device, told.body['critical'], told.body['alarm']], ['door', true, true]);

  lock.power(false);
  await site.advance(minutes(5));
  const gone = site.last('device.offline');
  assert.equal(gone.device, 'door');
  const outcome = await site.command({ kind: 'unlock', by: 'anna', device: deviceId('door') });
  assert.notEqual(outcome.result, 'done');
  await site.put({ id: 'guest', pin: '482913' });
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 1);

  lock.battery = 100;
  lock.power(true);
  await site.advance(minutes(7));
  assert.equal(site.last('device.online').device, 'door');
  assert.equal(
    (await site.command({ kind: 'unlock', by: 'anna', device: deviceId('door') })).result,
    'done',
  );
});

test('fire (P14): the strike is released at once with the disk broken and the box away, no slot opens, and it is told afterwards', async () => {
  await using site = await simulatedSite({ seed: 44, onDisk: true, withGate: true });
  await site.advance(minutes(1));
  const { journal } = site.daemon.desk;
  journal.failWrites('broken', 1_000_000);
  site.buses.get('box-bus')?.cut();
  await site.advance(minutes(1));
  assert.equal(journal.isSafe, false);
  assert.equal(site.isReleased('gate'), false);

  site.hand('gate', 'set-input', { input: 8 });
  await site.advance(1500);
  assert.equal(site.isReleased('gate'), true, 'nobody waits for a disk');
  assert.equal(site.pulseCount, 0, 'and a key box is no door');

  journal.failWrites('broken', 0);
  site.hand('gate', 'set-input', { input: 8, active: false });
  await site.advance(minutes(1));
  assert.equal(journal.isSafe, true);
  assert.ok(site.types('access', 'security', 'system').some((type) => /fire/.test(type)));
  assert.equal(site.pulseCount, 0);
});

test('fire (P14): the strike stays released for as long as the alarm lasts, whoever comes and goes, and whatever comes back', async () => {
  await using site = await simulatedSite({ seed: 45, withGate: true });
  await site.put({ id: 'guest', pin: '482913' });
  await site.advance(minutes(1));
  site.hand('gate', 'set-input', { input: 8 });
  await site.advance(1500);
  const shut: string[] = [];
  const watch = async (what: string, seconds: number) => {
    for (let step = 0; step < seconds * 10; step += 1) {
      await site.advance(100);
      if (!site.isReleased('gate')) shut.push(what);
    }
  };
  // At a door in use something happens more often than the release has to be asked for again.
  for (let times = 0; times < 12; times += 1) {
    site.hand('keypad', 'press', { keys: '1111#' });
    await watch('while people try codes', 5);
  }
  await site.ports.get('gate-bus')?.unplug();
  await site.advance(1000);
  await site.ports.get('gate-bus')?.plug();
  await watch('when its adapter came back', 10);
  assert.deepEqual(shut, []);

  const gate = site.buses.get('gate-bus')?.devices.get('gate');
  gate?.power(false);
  await site.advance(minutes(1));
  gate?.power(true);
  await site.clock.runUntil(() => site.isReleased('gate'), 9500);
  await watch('after its power came back', 30);
  assert.deepEqual(shut, []);
});

test('lock: a door that stands unlocked is locked when asked, in midst of its time', async () => {
  const gate = deviceId('gate');
  await using site = await simulatedSite({ seed: 65, withGate: true });
  await site.advance(minutes(1));
  await site.command({ kind: 'unlock', by: 'anna', device: gate, hold: 20_000 });
  assert.equal(site.isReleased('gate'), true);
  const { result } = await site.command({ kind: 'lock', by: 'anna', device: gate });
  assert.equal(result, 'done');
  assert.equal(site.isReleased('gate'), false);
});
