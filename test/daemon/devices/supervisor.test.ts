import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { BackOff } from '../../../daemon/devices/back-off.ts';
import type { BusOpener } from '../../../daemon/devices/supervisor.ts';
import { LinkError } from '../../../drivers/contract/errors.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { settings, toyBench } from './bench.ts';
import { BREAKING_HOLD, toyDriver } from './toy.ts';

test('devices come online when they answer, and a silent one is told alone', async () => {
  await using at = toyBench();
  at.left.locks[1]?.power(false);
  await at.clock.advance(5000);
  assert.deepEqual(at.ear.kinds('left-1'), ['online']);
  assert.deepEqual(at.ear.kinds('left-2'), ['offline']);
  assert.deepEqual(at.ear.kinds('right-1'), ['online']);
  at.left.locks[1]?.power(true);
  await at.clock.advance(5000);
  assert.deepEqual(at.ear.kinds('left-2'), ['offline', 'online']);
});

test('what opens is opened before the readers that somebody may stand at', async () => {
  const opened: string[] = [];
  const opener = (name: string): [string, BusOpener] => [
    name,
    {
      kind: 'simulated',
      name,
      open: () => {
        opened.push(name);
        return Promise.reject(new LinkError('missing', 'not plugged in'));
      },
    },
  ];
  const abilities = { ...toyDriver.abilities({ address: 1 }), lock: false, codes: true };
  const { buses, devices } = settings(['left', 'right'], 1);
  await using at = toyBench({
    buses,
    devices: devices.map((each) => (each.bus === 'left' ? { ...each, driver: 'pad' } : each)),
    catalogue: new Map([
      ['toy', toyDriver],
      ['pad', { ...toyDriver, name: 'pad', abilities: () => abilities }],
    ]),
    openers: new Map([opener('left'), opener('right')]),
  });
  await at.clock.settle();
  assert.deepEqual(opened, ['right', 'left']);
});

test('P11: an unplugged bus is told at once, the others go on, and a re-plug resumes by itself', async () => {
  await using at = toyBench();
  await at.clock.advance(3000);
  const polledBefore = at.devices.status().find(({ device }) => device === 'right-1')?.lastProof;
  assert.ok(polledBefore !== undefined && polledBefore <= 1000);
  await at.ports.left.unplug();
  const unplugged = at.clock.uptime();
  await at.clock.advance(2000);
  const offline = at.ear.heard.filter(({ event }) => event.kind === 'offline');
  assert.deepEqual(
    offline.map(({ event }) => event.device),
    ['left-1', 'left-2'],
  );
  assert.ok(offline.every(({ at: moment }) => moment - unplugged <= 2000));
  await at.clock.advance(3_600_000);
  const status = at.devices.status();
  assert.deepEqual(
    status.map(({ device, link }) => [device, link]),
    [
      ['left-1', 'port-missing'],
      ['left-2', 'port-missing'],
      ['right-1', 'up'],
      ['right-2', 'up'],
    ],
  );
  assert.equal(at.ear.kinds('right-1').filter((kind) => kind !== 'online').length, 0);
  await at.ports.left.plug();
  await at.clock.advance(4000);
  assert.deepEqual(at.ear.kinds('left-1'), ['online', 'offline', 'online']);
  assert.deepEqual(at.ear.kinds('left-2'), ['online', 'offline', 'online']);
});

test('an unlock asked while the port is away is refused at once and never delivered later', async () => {
  await using at = toyBench();
  await at.clock.advance(3000);
  await at.ports.left.unplug();
  await at.clock.advance(1);
  at.devices.actuate(at.ear.unlock(at.clock, 'left-1'));
  await at.clock.settle();
  assert.deepEqual(at.ear.results('left-1'), ['refused']);
  await at.ports.left.plug();
  await at.clock.advance(600_000);
  assert.equal(at.left.locks[0]?.pulses, 0);
  at.devices.actuate(at.ear.unlock(at.clock, 'left-1'));
  await at.clock.advance(1000);
  assert.deepEqual(at.ear.results('left-1'), ['refused', 'done']);
  assert.equal(at.left.locks[0]?.pulses, 1);
});

test('whenever the port is pulled out, each unlock ends once, and none that was not done pulses later', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2000 }),
      fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 5000 }),
      async (pulledAt, askedAt, away) => {
        await using at = toyBench();
        await at.clock.advance(1000);
        const begin = at.clock.uptime();
        const happenings = [
          ...askedAt.map((moment) => ({ moment, pull: false })),
          { moment: pulledAt, pull: true },
        ].sort((a, b) => a.moment - b.moment);
        for (const { moment, pull } of happenings) {
          await at.clock.advance(Math.max(0, begin + moment - at.clock.uptime()));
          if (pull) await at.ports.left.unplug();
          else at.devices.actuate(at.ear.unlock(at.clock, 'left-1'));
        }
        await at.clock.advance(away);
        const pulses = at.left.locks[0]?.pulses ?? 0;
        const asked = at.ear.results('left-1');
        assert.equal(asked.length, askedAt.length);
        await at.ports.left.plug();
        await at.clock.advance(120_000);
        assert.equal(at.left.locks[0]?.pulses, pulses, 'nothing comes late');
        assert.deepEqual(at.ear.results('left-1'), asked, 'one result each');
        const done = asked.filter((result) => result === 'done').length;
        const unknown = asked.filter((result) => result === 'unknown').length;
        assert.ok(done <= pulses && pulses <= done + unknown, `${asked} and ${pulses} pulses`);
      },
    ),
    { numRuns: process.env['LATCHKEY_LONG'] === '1' ? 500 : 25 },
  );
});

test('another device on the same name is refused until it is adopted, and hears nothing before', async () => {
  const known: string[] = [];
  await using at = toyBench({ identified: (bus, identity) => known.push(`${bus} ${identity}`) });
  await at.clock.advance(3000);
  assert.deepEqual(known, ['left simulated:left', 'right simulated:right']);
  await at.ports.left.unplug();
  await at.ports.left.plug('usb:0403:6001:SOMEBODY');
  const lock = at.left.locks[0];
  assert.ok(lock);
  let heard = 0;
  const hear = lock.hear.bind(lock);
  lock.hear = (bytes) => {
    heard += bytes.length;
    hear(bytes);
  };
  at.left.bus.attach('listener', () => lock);
  await at.clock.advance(60_000);
  assert.equal(heard, 0);
  assert.deepEqual(at.ear.kinds('left-1'), ['online', 'offline', 'fault']);
  const fault = at.ear.of('left-1').at(-1);
  assert.ok(fault?.kind === 'fault' && fault.fault === 'identity-changed');
  assert.equal(fault.detail, 'found usb:0403:6001:SOMEBODY, expected simulated:left');
  assert.equal(at.devices.status()[0]?.link, 'other-device');
  at.left.bus.detach('listener');
  at.devices.adopt('left');
  await at.clock.advance(1000);
  assert.deepEqual(at.ear.kinds('left-1'), ['online', 'offline', 'fault', 'fault', 'online']);
  assert.equal(known.at(-1), 'left usb:0403:6001:SOMEBODY');
});

test('a device that was exchanged while the daemon was off is refused too', async () => {
  await using at = toyBench({ knownIdentities: new Map([['left', 'usb:0403:6001:A50285BI']]) });
  await at.clock.advance(3000);
  assert.deepEqual(at.ear.kinds('left-1'), ['fault', 'offline']);
  assert.deepEqual(at.ear.kinds('right-1'), ['online']);
});

test('P11: a driver that breaks is told, its bus comes back, the others never notice', async () => {
  const broken: string[] = [];
  await using at = toyBench({ broken: (bus, error) => broken.push(`${bus}: ${error}`) });
  await at.clock.advance(3000);
  at.devices.actuate(at.ear.unlock(at.clock, 'left-1', 60_000, BREAKING_HOLD));
  await at.clock.advance(5000);
  assert.deepEqual(broken, ['left: Error: a fault in the driver']);
  assert.deepEqual(at.ear.kinds('left-2'), ['online', 'offline', 'online']);
  assert.deepEqual(at.ear.kinds('right-2'), ['online']);
  await at.clock.advance(60_000);
  assert.deepEqual(at.ear.results(), ['unknown']);
});

test('status says where the trouble is', async () => {
  await using at = toyBench();
  at.left.locks[0]?.power(false);
  at.left.locks[1]?.power(false);
  at.right.bus.setFaults({ garble: 1 }, { device: 'right-1', direction: 'to-host' });
  await at.clock.advance(10_000);
  assert.deepEqual(
    at.devices.status().map(({ device, link }) => [device, link]),
    [
      ['left-1', 'silent'],
      ['left-2', 'silent'],
      ['right-1', 'garbage'],
      ['right-2', 'up'],
    ],
  );
});

test('waits double from one second to thirty, are shortened at random, and begin anew once a link has lived', () => {
  const backOff = new BackOff(seededRandom(3));
  const bounds = [1, 2, 4, 8, 16, 30, 30];
  for (const bound of bounds) {
    const wait = backOff.wait();
    assert.ok(wait <= bound * 1000 && wait >= bound * 500, `${wait} for ${bound} s`);
  }
  backOff.lived(500);
  assert.ok(backOff.wait() >= 15_000);
  backOff.lived(20_000);
  assert.ok(backOff.wait() <= 1000);
});

test('what is asked of a device that was taken away meanwhile is refused, and ends nothing', async () => {
  await using bench = toyBench();
  const { clock, ear, devices, ports } = bench;
  await clock.advance(2000);
  const { buses, devices: before, secrets } = settings(['left', 'right'], 2);
  const openers = new Map<string, BusOpener>(Object.entries(ports));
  const left = before.filter(({ bus }) => bus === 'left');
  const rewired = devices.rewire({ buses, devices: left, openers, secrets });
  await clock.advance(6000);
  await rewired;
  devices.actuate(ear.unlock(clock, 'right-1'));
  devices.actuate({
    ...ear.unlock(clock, 'right-1'),
    kind: 'feedback',
    signal: 'granted',
  });
  devices.actuate(ear.unlock(clock, 'left-1'));
  await clock.advance(2000);
  assert.deepEqual(ear.results('right-1'), ['refused']);
  assert.deepEqual(ear.results('left-1'), ['done']);
});

test('a device that went and came back under its name with other settings is driven by the new ones', async () => {
  await using bench = toyBench();
  const { clock, ear, devices, ports, left } = bench;
  await clock.advance(2000);
  const all = settings(['left', 'right'], 2);
  const openers = new Map<string, BusOpener>(Object.entries(ports));
  const swapped = all.devices.map((device) =>
    device.bus === 'left'
      ? { ...device, options: { address: 3 - device.options.address } }
      : device,
  );
  const rewired = devices.rewire({ ...all, devices: swapped, openers });
  await clock.advance(6000);
  await rewired;
  await clock.advance(2000);
  devices.actuate(ear.unlock(clock, 'left-1'));
  await clock.advance(2000);
  assert.deepEqual(ear.results('left-1'), ['done']);
  assert.deepEqual(
    left.locks.map(({ pulses }) => pulses),
    [0, 1],
  );
  assert.equal(ear.kinds('right-1').includes('offline'), false);
});
