/** What people do at the box and the door, drawn. */
import { FLAT_KEY } from '../site.ts';
import type { Life } from './life.ts';
import { PINS } from './managers.ts';
import { KEYS } from './parts.ts';

export async function typesCode(life: Life): Promise<void> {
  const pin = life.chance(0.85) ? life.one(PINS) : String(100_000 + life.draw(900_000));
  life.say(`types ${pin}`);
  life.site.hand('keypad', 'press', { keys: `${pin}#` });
  await life.pass(life.draw(4000));
}

export async function showsFob(life: Life): Promise<void> {
  const fob = life.chance(0.7)
    ? (life.hands.at(-1) ?? life.one(KEYS).fob)
    : life.one(['1F00644BB6', FLAT_KEY.fob, '1F00000001']);
  life.say(`shows ${fob}`);
  life.site.hand('fobs', 'show', { fob });
  await life.pass(400);
  life.site.hand('fobs', 'remove');
  await life.pass(life.draw(3000));
}

export async function usesOpenSlot(life: Life): Promise<void> {
  const slots = life.site.openSlots();
  if (slots.length === 0) return life.pass(life.draw(3000));
  const slot = life.one(slots);
  const what = life.draw(3);
  try {
    if (what === 0) {
      const fob = life.site.hand('box', 'take-key', { slot });
      if (typeof fob === 'string') life.hands.push(fob);
      life.say(`takes ${String(fob)} from ${slot}`);
    } else if (what === 1) {
      const fob = life.hands.pop();
      if (fob !== undefined) life.site.hand('box', 'put-key', { slot, fob });
      life.say(`puts ${fob} into ${slot}`);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // an empty slot
  }
  await life.pass(life.draw(2500));
  if (life.chance(0.8)) closeDoor(life, slot);
  await life.pass(life.draw(2500));
}

export function closeDoor(life: Life, slot: number): void {
  try {
    life.site.hand('box', 'close-door', { slot });
    life.say(`closes ${slot}`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the solenoid still holds
  }
}

export function forcesDoor(life: Life): void {
  const slot = 1 + life.draw(16);
  life.say(`forces ${slot}`);
  life.site.hand('box', 'force-door', { slot });
}
