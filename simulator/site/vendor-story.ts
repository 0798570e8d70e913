/** The part of the story that Keycafe plays: a booking made there, cancelled there, and one made at the box itself. */
import { type Millis, pause } from '../../drivers/contract/time.ts';
import type { SimulatedAccess } from '../clouds/keycafe-accesses.ts';
import { CAST } from './cast.ts';
import { expect, next, type StoryParts, slotOf } from './story-parts.ts';

/** A poll, and the longest pause between two tries while nobody answers; the longer nobody has, the longer it is. */
const CAUGHT_UP_WITHIN: Millis = 20_000;

export async function bookedAtKeycafe(parts: StoryParts): Promise<SimulatedAccess | undefined> {
  const { timeline, cloud, hands, keycafe } = parts;
  const { other, there } = CAST;
  let booking: SimulatedAccess | undefined;
  await timeline.step(
    'vendor-grant',
    'A host books flat 7 at Keycafe, and the box learns of it by itself',
    async () => {
      const before = cloud.events.length;
      const made = keycafe.cloud.addAccess({ name: 'Dora' }, there.vendorKey);
      timeline.say('keycafe', `gives Dora ${other.name} and a booking code`);
      await next(cloud, before, 'grant.put', ({ body }) => body['source'] === 'keycafe');
      timeline.say('dora', 'types the booking code and #');
      await hands.press('keypad', `${made.bookingCode}#`);
      const slot = slotOf(await next(cloud, before, 'access.granted'));
      await hands.opened(slot);
      await hands.takeOut(slot);
      timeline.say('dora', `takes ${other.name}, and soon brings it back`);
      const back = await hands.opening(() => hands.show('fobs', other.fob));
      await hands.putIn(back, other.fob);
      booking = made;
      keycafe.cloud.cancel(made.id);
      timeline.say('keycafe', 'the host cancels what is left of the booking');
      return `slot ${slot} opened for a code that only Keycafe had given`;
    },
  );
  return booking;
}

export async function cancelledAtKeycafe(
  { timeline, cloud, hands }: StoryParts,
  booking: SimulatedAccess | undefined,
): Promise<void> {
  await timeline.step(
    'vendor-revoked',
    'Within one poll of the cancelling, Dora’s code is dead',
    async () => {
      if (booking === undefined) throw new Error('there was no booking to cancel');
      await next(cloud, 0, 'grant.revoked', ({ body }) => body['source'] === 'keycafe');
      const before = cloud.events.length;
      timeline.say('dora', 'types the booking code again');
      await hands.press('keypad', `${booking.bookingCode}#`);
      const { body } = await next(cloud, before, 'access.denied');
      expect(body['reason'] === 'revoked', `denied for ${body['reason']}`);
      return 'denied: revoked';
    },
  );
}

const OFFLINE_GUEST = 'Emil';

export async function bookedOffline({ timeline, hands, keycafe }: StoryParts): Promise<void> {
  const { other } = CAST;
  await timeline.step(
    'dialect-offline',
    'With no internet, a Keycafe client pointed at the box books flat 7',
    async () => {
      timeline.say('host', `POST ${new URL(keycafe.dialect.url).pathname}/access, at the box`);
      const { bookingCode } = await post(keycafe.dialect, {
        name: OFFLINE_GUEST,
        key: { id: CAST.there.vendorKey },
      });
      timeline.say('emil', 'types the code of the answer');
      const slot = await hands.opening(() => hands.press('keypad', `${bookingCode}#`));
      await hands.takeOut(slot);
      expect(!isBooked(keycafe.cloud), 'Keycafe knows of it over a cut line');
      return `slot ${slot} opened at once; ${other.name} is with Emil, and Keycafe does not know yet`;
    },
  );
}

export async function keycafeCaughtUp(parts: StoryParts): Promise<void> {
  const { timeline, clock, keycafe, pace = 1 } = parts;
  await timeline.step(
    'vendor-caught-up',
    'What was booked at the box is at Keycafe too',
    async () => {
      const end = clock.uptime() + CAUGHT_UP_WITHIN * pace;
      while (!isBooked(keycafe.cloud)) {
        if (clock.uptime() > end) throw new Error('Keycafe was not told');
        await pause(clock, 50);
      }
      const times = [...keycafe.cloud.accesses.values()].filter(
        ({ body }) => body.name === OFFLINE_GUEST,
      );
      expect(times.length === 1, `Keycafe was told ${times.length} times`);
      return 'told once, with the name, the key and the dates';
    },
  );
}

function isBooked({ accesses }: StoryParts['keycafe']['cloud']): boolean {
  return [...accesses.values()].some(({ body }) => body.name === OFFLINE_GUEST);
}

async function post(
  { url, username, password }: StoryParts['keycafe']['dialect'],
  body: object,
): Promise<{ readonly bookingCode: string }> {
  const answer = await fetch(`${url}/access`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  if (answer.status !== 200) throw new Error(`the box answered ${answer.status}`);
  return JSON.parse(await answer.text());
}
