/**
 * What `npm start` plays: a guest, a cleaner, a booking at a vendor, a cut line and a late return, told as it happens. Every sentence is
 * checked against what the cloud received, what the hardware did and what the daemon's own journal says.
 */
import { type Instant, instant, type Millis, pause } from '../../drivers/contract/time.ts';
import { CAST } from './cast.ts';
import { clockTime, done, expect, next, type StoryParts, settle, slotOf } from './story-parts.ts';
import {
  bookedAtKeycafe,
  bookedOffline,
  cancelledAtKeycafe,
  keycafeCaughtUp,
} from './vendor-story.ts';

/** From the putting of the grant until it holds: long enough to be too early. */
const STARTS_AFTER: Millis = 5000;
const HOLDS_FOR: Millis = 12_000;
const COURIER_COMES_WITHIN: Millis = 3_600_000;

export async function playStory(parts: StoryParts): Promise<void> {
  const { timeline, cloud, hands, clock, line, pace = 1 } = parts;
  const { guest, cleaner, flat, store, flatLock } = CAST;
  const begins = instant(Math.ceil((clock.now() + STARTS_AFTER * pace) / 1000) * 1000);
  const ends = instant(begins + HOLDS_FOR * pace);
  let guestSlot: number = flat.slot;

  await timeline.step(
    'grant-put',
    'The cloud grants a guest the key to flat 3, and a cleaner the store room',
    async () => {
      timeline.say(
        'cloud',
        `grants ${guest.holder} ${flat.name} from ${clockTime(begins)} to ${clockTime(ends)}; the PIN travels sealed`,
      );
      done(
        await cloud.putGrant(guestGrant(begins, ends), [
          { id: 'c-ada-pin', kind: 'pin', secret: guest.pin },
        ]),
      );
      timeline.say('cloud', `grants ${cleaner.holder} ${store.name}, every day, by fob`);
      done(
        await cloud.putGrant(cleanerGrant(), [
          { id: 'c-bo-fob', kind: 'fob', secret: cleaner.fob },
        ]),
      );
      return 'both grants are stored at the box and acknowledged';
    },
  );

  await timeline.step(
    'pin-too-early',
    `The guest stands at the box before ${clockTime(begins)}`,
    async () => {
      const before = cloud.events.length;
      timeline.say('guest', 'types the PIN and #');
      await hands.press('keypad', `${guest.pin}#`);
      const event = await next(cloud, before, 'access.denied');
      expect(
        event.body['reason'] === 'not-yet-valid',
        `denied for ${event.body['reason']}, not because it is early`,
      );
      expect(hands.pulses(flat.slot) === 0, 'a lock moved');
      return 'denied: not-yet-valid, and nothing moved; the keypad only says no';
    },
  );

  const booking = await bookedAtKeycafe(parts);

  await timeline.step('pin-in-time', `At ${clockTime(begins)} the same PIN opens`, async () => {
    await pause(clock, begins - clock.now() + 250);
    const before = cloud.events.length;
    timeline.say('guest', 'types the PIN again');
    await hands.press('keypad', `${guest.pin}#`);
    const granted = await next(cloud, before, 'access.granted');
    guestSlot = slotOf(granted);
    await hands.opened(guestSlot);
    timeline.note('box', `slot ${guestSlot} springs open`);
    await hands.takeOut(guestSlot);
    timeline.say('guest', `takes ${flat.name} and shuts the door`);
    const taken = await next(cloud, before, 'access.taken');
    expect(taken.body['key'] === flat.key, `the ledger says that ${taken.body['key']} was taken`);
    return `granted; slot ${guestSlot} opened once, and the key is with the guest`;
  });

  await timeline.step('cleaner-fob', 'The cleaner shows a fob', async () => {
    const before = cloud.events.length;
    timeline.say('cleaner', 'holds the fob to the reader');
    await hands.show('fobs', cleaner.fob);
    const slot = slotOf(await next(cloud, before, 'access.granted'));
    await hands.opened(slot);
    await hands.takeOut(slot);
    timeline.say('cleaner', `takes ${store.name} out of slot ${slot}`);
    const taken = await next(cloud, before, 'access.taken');
    expect(taken.body['key'] === store.key, `the ledger says that ${taken.body['key']} was taken`);
    return `granted; ${store.name} is with the cleaner`;
  });

  await timeline.step(
    'lock-on-the-air',
    'The office lets a plumber into flat 3, whose lock has no wire',
    async () => {
      const before = cloud.events.length;
      const turned = hands.unlocked(flatLock);
      timeline.say('cloud', `asks for ${flatLock} to be unlocked, signed`);
      done(await cloud.ask('unlock', { dev: flatLock, by: 'office', reason: 'plumber' }));
      const intent = await next(cloud, before, 'access.commanded');
      await next(cloud, before, 'access.opened');
      expect(hands.unlocked(flatLock) === turned + 1, 'the bolt did not turn once');
      return `recorded as ${intent.seq}, then unlocked over Bluetooth, once`;
    },
  );

  await cancelledAtKeycafe(parts, booking);

  let seenBefore = 0;
  await timeline.step(
    'broker-cut',
    'The line to the cloud is cut; the box goes on deciding',
    async () => {
      timeline.say('cloud', `promises slot ${flat.slot}, empty now, to a courier`);
      done(
        await cloud.putGrant(courierGrant(guestSlot, ends), [
          { id: 'c-courier-pin', kind: 'pin', secret: CAST.courier.pin },
        ]),
      );
      await settle(parts);
      seenBefore = cloud.events.length;
      await line.cut();
      timeline.say('line', 'cut');
      timeline.say('cleaner', `is done, and holds ${store.name}'s own fob to the reader`);
      const slot = await hands.opening(() => hands.show('fobs', store.fob));
      await hands.putIn(slot, store.fob);
      timeline.note('box', `took ${store.name} back into slot ${slot}, without asking anybody`);
      timeline.say('stranger', 'tries a PIN');
      await hands.press('keypad', '135792#');
      await hands.quiet();
      expect(cloud.events.length === seenBefore, 'something reached the cloud over a cut line');
      return 'a return and a refusal were decided with no cloud at all';
    },
  );

  await bookedOffline(parts);

  await timeline.step(
    'late-return',
    `After ${clockTime(ends)} the guest brings the key back, into another slot`,
    async () => {
      await pause(clock, Math.max(0, ends - clock.now() + 250));
      timeline.say('guest', `is late, and holds ${flat.name}'s fob to the reader`);
      const slot = await hands.opening(() => hands.show('fobs', flat.fob));
      expect(slot !== guestSlot, `slot ${slot} is where it came from`);
      await hands.putIn(slot, flat.fob);
      return `slot ${slot} opened for the return: the end of a grant stops taking, never giving back`;
    },
  );

  await timeline.step(
    'broker-back',
    'The line is back, and the backlog arrives in order',
    async () => {
      await line.mend();
      timeline.say('line', 'mended');
      const late = await cloud.event((event) => event.type === 'access.late_return', 20_000 * pace);
      expect(late.body['key'] === flat.key, `the late return is of ${late.body['key']}`);
      await settle(parts);
      const backlog = cloud.events.slice(seenBefore);
      const words = backlog
        .filter((event) => event.type.startsWith('access.'))
        .map((event) => event.type.slice(7));
      timeline.note('cloud', `received ${backlog.length} events: ${words.join(', ')}`);
      const numbers = cloud.events.map((event) => event.seq);
      expect(
        numbers.every((seq, n) => n === 0 || seq === (numbers[n - 1] ?? 0) + 1),
        `the numbers are ${numbers.join(' ')}`,
      );
      return `every number from ${numbers[0]} to ${numbers.at(-1)} arrived once, in order`;
    },
  );

  await keycafeCaughtUp(parts);
}

function guestGrant(start: Instant, end: Instant) {
  const { guest, flat } = CAST;
  return {
    id: guest.grant,
    rev: start,
    holder: guest.holder,
    targets: [{ kind: 'key' as const, id: flat.key }],
    window: { kind: 'instants' as const, start, end },
    operations: ['pickup' as const, 'dropoff' as const],
  };
}

function cleanerGrant() {
  const { cleaner, store } = CAST;
  return {
    id: cleaner.grant,
    rev: 1,
    holder: cleaner.holder,
    targets: [{ kind: 'key' as const, id: store.key }],
    window: { kind: 'ongoing' as const },
    schedule: {
      zone: 'site',
      weekly: [
        {
          days: [1, 2, 3, 4, 5, 6, 7] as (1 | 2 | 3 | 4 | 5 | 6 | 7)[],
          from: '00:00',
          to: '24:00',
        },
      ],
    },
    operations: ['pickup' as const, 'dropoff' as const],
  };
}

/** Keeps the slot free: what is promised is not offered for returns. */
function courierGrant(slot: number, from: Instant) {
  const { courier } = CAST;
  return {
    id: courier.grant,
    rev: from,
    holder: courier.holder,
    targets: [{ kind: 'slot' as const, id: `box:${slot}` }],
    window: { kind: 'instants' as const, end: instant(from + COURIER_COMES_WITHIN) },
    operations: ['pickup' as const, 'dropoff' as const],
  };
}
