/** noble as it is shipped, its controller left out: what it keeps of the addresses that it hears. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { forgetStrangers, STRANGERS_MOST } from '../../../daemon/platform/radio/strangers.ts';

const MANY = 100_000;
const load = createRequire(import.meta.url);
const Gap = load('@stoprocent/noble/lib/hci-socket/gap.js');
const Bindings = load('@stoprocent/noble/lib/hci-socket/bindings.js');
const Noble = load('@stoprocent/noble/lib/noble.js');
/** ADV_IND, then SCAN_RSP: only then does noble tell of a peripheral. */
const TYPES = [0x00, 0x04];
const NAME = Buffer.from([2, 0x01, 0x06, 5, 0x09, 0x4e, 0x75, 0x6b, 0x69]);

function addressOf(n: number): string {
  const hex = (n + 0xc0_0000_0000_00).toString(16).padStart(12, '0');
  return hex.match(/../g)?.join(':') ?? '';
}

test('of so many addresses that advertise, noble keeps a thousand, and those that are connected', () => {
  const bindings = new Bindings({});
  const gap = new Gap(new EventEmitter());
  bindings._gap = gap;
  gap.on('discover', bindings.onDiscover.bind(bindings));
  bindings._scanServiceUuids = [];
  const noble = new Noble(bindings);
  noble._registerListeners();
  noble._allowDuplicates = true;
  let heard = 0;
  noble.on('discover', () => {
    heard += 1;
  });
  const sizes = () => [
    noble._peripherals.size,
    ...[bindings._addresses, bindings._connectable, gap._discoveries].map(
      (each) => Object.keys(each).length,
    ),
  ];
  const advertise = (n: number) => {
    for (const type of TYPES)
      gap.onHciLeAdvertisingReport(0, type, addressOf(n), 'random', NAME, -60);
  };
  advertise(0);
  const lock = addressOf(0).replaceAll(':', '');
  noble._peripherals.get(lock).state = 'connected';
  for (let n = 1; n <= MANY; n += 1) {
    advertise(n);
    if (n % STRANGERS_MOST === 0) forgetStrangers(noble, new Set());
  }
  assert.equal(heard, MANY + 1, 'each was heard');
  for (const size of sizes()) assert.ok(size >= 1 && size <= STRANGERS_MOST, `${sizes()}`);
  assert.equal(noble._peripherals.get(lock).state, 'connected');
  advertise(1);
  assert.equal(heard, MANY + 2, 'who was forgotten is heard again');
});
