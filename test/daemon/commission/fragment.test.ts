import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { faultsOf, flipped, fragmentText, writtenIn } from '../../../daemon/commission/fragment.ts';

const SITE = `site: { id: hut-1, zone: Europe/Stockholm }
store: { directory: /var/lib/latchkey }
`;

test('whatever stands in a setting comes back out of the fragment as it was', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 30 }).filter((each) => !each.includes('${')),
    fc.constantFrom('off', 'yes', 'null', '0x10', '1e3', '~', '#', '- a', 'a: b', '2026-01-01'),
  );
  const settings = fc.dictionary(
    fc.constantFrom('driver', 'bus', 'a', 'entry'),
    fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text, { maxLength: 3 })),
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('box', 'on', 'door-2'), settings, { noNullPrototype: true }),
      (devices) => {
        const written = { buses: { a: { serial: '/dev/ttyS0' } }, devices, rest: {} };
        assert.deepEqual(writtenIn(fragmentText(written), new Map()), written);
      },
    ),
    { numRuns: 100 },
  );
});

test('a polarity that is turned twice is what it was; a driver without one has nothing to turn', () => {
  const box = { driver: 'kerong-cu16', bus: 'a', address: 0 };
  const once = flipped(box, 'door');
  assert.deepEqual(once, { ...box, polarity: { door: 'inverted' } });
  assert.deepEqual(flipped(once ?? {}, 'door'), { ...box, polarity: { door: 'normal' } });
  const door = {
    driver: 'osdp',
    inputs: [
      { input: 0, as: 'door-contact' },
      { input: 1, as: 'other' },
    ],
  };
  assert.deepEqual(flipped(door, 'door'), {
    driver: 'osdp',
    inputs: [
      { input: 0, as: 'door-contact', activeWhen: 'open' },
      { input: 1, as: 'other' },
    ],
  });
  assert.equal(flipped({ driver: 'winnsen' }, 'door'), undefined);
  assert.equal(flipped({ driver: 'kerong-cu12' }, 'presence'), undefined);
});

test('a fragment is held against the rest of the config before it is given out', () => {
  const good = writtenIn(
    `${SITE}buses: { a: { serial: /dev/ttyS0 } }\ndevices: { box: { driver: kerong-cu16, bus: a, address: 0 } }`,
    new Map(),
  );
  assert.deepEqual(faultsOf(good), []);
  const bad = { ...good, devices: { box: { driver: 'kerong-cu16', bus: 'a', address: 12 } } };
  assert.equal(faultsOf(bad)[0]?.path, 'devices.box.address');
});
