import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry } from '../../../daemon/access/entry.ts';
import { holderId } from '../../../daemon/access/model.ts';
import { deviceId, slotNumber } from '../../../drivers/contract/device.ts';
import { BOX, boxPoint, fobOf, grantOf, HOUR, MINUTE, pin, rowsOf, World } from './world.ts';

const SLOTS = [1, 2, 3] as const;
const KEYS = ['k1', 'k2'] as const;
const FOBS = { k1: '0f00012abc', k2: '0f00012abd' } as const;
const CODES = ['111222', '333444'] as const;
type Slot = (typeof SLOTS)[number];
type KeyName = (typeof KEYS)[number];

const inSlot = (slot: number) => deviceId(`in-${slot}`);

/** A real box with real keys, hands that do anything with them, and sensors that do not lie. */
class RealBox {
  readonly world: World;
  readonly where = new Map<KeyName, Slot | 'hand'>([
    ['k1', 1],
    ['k2', 2],
  ]);
  readonly open = new Set<Slot>();
  readonly hasReaders: boolean;
  /** The daemon is off: nothing that happens is heard. */
  off = false;
  /** The box is off its wire: the daemon runs, and hears nothing of it. */
  away = false;

  constructor(hasReaders: boolean) {
    this.hasReaders = hasReaders;
    const slotReaders = new Map(SLOTS.map((slot) => [slotNumber(slot), inSlot(slot)]));
    const box = { device: BOX, slots: SLOTS.map(slotNumber), disabledSlots: [] };
    this.world = new World({ points: [boxPoint({ box, ...(hasReaders ? { slotReaders } : {}) })] });
    this.world.key('k1', { fob: fobOf(FOBS.k1) }, 1);
    this.world.key('k2', { fob: fobOf(FOBS.k2) }, 2);
    this.world.put(
      grantOf({ credentials: [pin(CODES[0])], uses: { max: 3 } }),
      grantOf({
        holder: holderId('bo'),
        credentials: [pin(CODES[1])],
        targets: [
          { kind: 'key', id: 'k1' },
          { kind: 'key', id: 'k2' },
        ],
      }),
    );
    this.world.pictures();
  }

  inside(slot: Slot): KeyName[] {
    return KEYS.filter((key) => this.where.get(key) === slot);
  }

  get isUnheard(): boolean {
    return this.off || this.away;
  }

  leave(): void {
    if (this.isUnheard) return;
    this.away = true;
    this.world.event({ kind: 'offline', device: BOX, why: 'its adapter was reset' });
    this.world.online.delete(BOX);
  }

  comeBack(): void {
    if (!this.away) return;
    this.away = false;
    if (this.off) return;
    this.world.online.add(BOX);
    this.world.event({ kind: 'online', device: BOX });
    this.#look();
  }

  /**
   * What the board was told to open opens, unless it jams, or a hand is done with it before its contact is read; the
   * solenoid may also take the box off its wire.
   */
  opens(
    entries: readonly Entry[],
    how: 'opens' | 'jams' | 'unseen' | 'leaves',
    hand?: KeyName,
  ): void {
    const [first] = entries;
    if (first?.type !== 'access.granted') return;
    const slot = SLOTS.find((each) => each === first.body['slot']);
    if (slot !== undefined && how === 'unseen' && !this.open.has(slot)) this.#handIn(slot, hand);
    if (how === 'leaves') this.leave();
    this.world.result(how === 'opens' ? 'done' : how === 'leaves' ? 'unknown' : 'failed');
    if (slot !== undefined && (how === 'opens' || how === 'leaves')) this.openDoor(slot);
  }

  /** A door that opens and is shut again between two looks at its contact; what lies behind it is seen to change. */
  #handIn(slot: Slot, hand: KeyName | undefined): void {
    const inside = this.inside(slot);
    for (const key of inside) this.where.set(key, 'hand');
    if (inside.length > 0) this.world.presence(slot, false);
    if (inside.length > 0 || hand === undefined) return;
    this.where.set(hand, slot);
    this.world.presence(slot, true);
  }

  openDoor(slot: Slot): void {
    if (this.open.has(slot)) return;
    this.open.add(slot);
    if (!this.isUnheard) this.world.door(slot, true);
  }

  shut(slot: Slot): void {
    if (!this.open.delete(slot) || this.isUnheard) return;
    this.world.door(slot, false);
    this.read(slot);
  }

  take(key: KeyName): void {
    const slot = this.where.get(key);
    if (slot === undefined || slot === 'hand' || !this.open.has(slot)) return;
    this.where.set(key, 'hand');
    if (!this.isUnheard && this.inside(slot).length === 0) this.world.presence(slot, false);
  }

  place(key: KeyName, slot: Slot): void {
    if (this.where.get(key) !== 'hand' || !this.open.has(slot)) return;
    this.where.set(key, slot);
    if (this.isUnheard) return;
    if (this.inside(slot).length === 1) this.world.presence(slot, true);
    this.read(slot);
  }

  read(slot: Slot): void {
    if (!this.hasReaders || this.isUnheard) return;
    for (const key of this.inside(slot)) this.world.card(FOBS[key], inSlot(slot));
  }

  start(): void {
    this.off = false;
    this.away = false;
    this.world.online.add(BOX);
    this.world.restart();
    this.#look();
  }

  #look(): void {
    for (const slot of SLOTS) {
      this.world.door(slot, this.open.has(slot), true);
      this.world.presence(slot, this.inside(slot).length > 0, true);
      this.read(slot);
    }
  }

  /** Everything is shut, and every waiting time is over. */
  settle(): void {
    if (this.off) this.start();
    this.comeBack();
    for (const slot of SLOTS) this.shut(slot);
    this.world.advance(MINUTE);
    for (const slot of SLOTS) this.read(slot);
    this.world.advance(MINUTE);
  }
}

const slot = fc.constantFrom(...SLOTS);
const key = fc.constantFrom(...KEYS);
const openings = fc.constantFrom(
  ...(['opens', 'opens', 'opens', 'jams', 'unseen', 'leaves'] as const),
);
const act = fc.oneof(
  {
    arbitrary: fc.record({
      do: fc.constant('code' as const),
      code: fc.constantFrom(...CODES),
      how: openings,
    }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('fob' as const),
      key,
      how: openings,
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ do: fc.constant('choose' as const), slot }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constant('take' as const), key }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constant('place' as const), key, slot }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constant('shut' as const), slot }), weight: 5 },
  { arbitrary: fc.record({ do: fc.constant('force' as const), slot }), weight: 1 },
  {
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      length: fc.constantFrom(1_000, 10_000, MINUTE, HOUR),
    }),
    weight: 2,
  },
  { arbitrary: fc.record({ do: fc.constant('power' as const), off: fc.boolean() }), weight: 2 },
  { arbitrary: fc.record({ do: fc.constant('wire' as const), off: fc.boolean() }), weight: 2 },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

function perform(box: RealBox, it: Act): void {
  const { world } = box;
  switch (it.do) {
    case 'code':
      if (!box.off) box.opens(world.code(it.code), it.how);
      return;
    case 'choose':
      if (!box.off) box.opens(world.code(String(it.slot)), 'opens');
      return;
    case 'fob':
      if (!box.off && box.where.get(it.key) === 'hand') {
        box.opens(world.card(FOBS[it.key]), it.how, it.key);
      }
      return;
    case 'take':
      box.take(it.key);
      return;
    case 'place':
      box.place(it.key, it.slot);
      return;
    case 'shut':
      box.shut(it.slot);
      return;
    case 'force':
      box.openDoor(it.slot);
      return;
    case 'wait':
      if (!box.off) world.advance(it.length);
      return;
    case 'power':
      if (!box.off && it.off) box.off = true;
      else box.start();
      return;
    case 'wire':
      if (it.off) box.leave();
      else box.comeBack();
      return;
    default:
      it satisfies never;
  }
}

function checkAlways(box: RealBox): void {
  const { ledger } = box.world;
  for (const name of KEYS) assert.ok(ledger.get('key', name)?.place, `${name} has a place`);
  for (const each of SLOTS) {
    const here = KEYS.filter((name) => box.world.placeOf(name) === `slot ${each}`);
    const flags = ledger.get('slot', `box:${each}`)?.flags ?? [];
    if (here.length > 1) assert.ok(flags.includes('shared'), `slot ${each} is shared`);
  }
  for (const [, row] of ledger.all('use'))
    assert.ok(row.count >= 0 && row.count <= 3, `${row.count} uses`);
}

const numRuns = process.env['LATCHKEY_LONG'] === '1' ? 20_000 : 400;

test('one key has one place, always, whatever hands do and whenever the power goes', () => {
  for (const hasReaders of [true, false]) {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        const box = new RealBox(hasReaders);
        for (const it of acts) {
          perform(box, it);
          checkAlways(box);
        }
        box.settle();
        checkAlways(box);
        assert.equal([...box.world.ledger.all('opening')].length, 0, 'no opening goes on for ever');
      }),
      { numRuns },
    );
  }
});

test('with a reader in each slot the ledger names no slot that the key is not in, but a shared one, which gives none', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const box = new RealBox(true);
      for (const it of acts) perform(box, it);
      box.settle();
      for (const name of KEYS) {
        const place = box.world.placeOf(name);
        const where = box.where.get(name);
        const named = box.world.ledger.get('slot', place.replace('slot ', 'box:'));
        // Of two fobs in one slot, one may leave and the sensor still see something.
        if (named?.flags.includes('shared')) continue;
        if (place.startsWith('slot')) assert.equal(place, `slot ${where}`, name);
        else
          assert.ok(where === 'hand' || place === 'unknown', `${name}: ${place}, is in ${where}`);
      }
    }),
    { numRuns },
  );
});

test('the ledger folded again from any beginning of the journal is the ledger as it was', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), fc.nat(), (acts, cut) => {
      const box = new RealBox(true);
      const rows: [number, string][] = [];
      for (const it of acts) {
        perform(box, it);
        rows.push([box.world.journal.length, JSON.stringify(rowsOf(box.world.ledger))]);
      }
      if (rows.length === 0) return;
      const [upTo, live] = rows[cut % rows.length] ?? assert.fail();
      assert.equal(JSON.stringify(rowsOf(box.world.refold(upTo))), live);
    }),
    { numRuns: Math.min(numRuns, 2_000) },
  );
});

test('a return is refused only for want of a slot, away from home, or by a broken box', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
      const box = new RealBox(true);
      for (const it of acts) {
        if (it.do === 'fob' && !box.off && box.where.get(it.key) === 'hand') {
          const [entry] = box.world.card(FOBS[it.key]);
          if (entry?.type !== 'access.granted') {
            const reason = entry?.body['reason'];
            assert.ok(reason === 'box-full' || (box.away && reason === 'device-offline'));
            continue;
          }
          // Who missed the door of the slot that was opened shows the fob again.
          const [again] = box.world.card(FOBS[it.key]);
          assert.equal(again?.type, 'access.granted');
        } else perform(box, it);
      }
    }),
    { numRuns },
  );
});
