/**
 * P4: two sites of one seed with the same people, the same grants and the same broken parts. After the grants came one
 * of them hears of no cloud any more, while the other has the internet, well or badly; each decision of theirs is the
 * same. The clouds are silent meanwhile: what a cloud says is told to both by their managers.
 */
import { seededRandom } from '../../simulator/random.ts';
import { minutes } from '../site.ts';
import { atVendorsFromTheStart } from './bookings.ts';
import { brokerTrouble } from './faults.ts';
import type { Life } from './life.ts';
import { vendorTrouble } from './vendor-faults.ts';
import { VENDORS } from './vendor-world.ts';
import { Broken } from './watcher.ts';

export type Twin = 'online' | 'alone';

/** The grants come; then the one of them is cut off for good. */
export async function parted(life: Life, twin: Twin): Promise<void> {
  await atVendorsFromTheStart(life);
  await life.pass(minutes(20));
  life.given.absorb();
  life.given.end();
  if (twin === 'online') return;
  life.say('the internet goes for good');
  life.cable.cut();
  for (const vendor of VENDORS) life.world.server(vendor).isAway = true;
}

/** What befalls the online one beside the deeds, drawn from elsewhere, so that these stay the same. */
export function troubleOnline(seed: number): (life: Life) => void {
  const random = seededRandom(seed + 41);
  return (life) => {
    if (random.fraction() < 0.6) return;
    life.drawingFrom(random, () => (life.chance(0.3) ? brokerTrouble(life) : vendorTrouble(life)));
  };
}

/** @throws Broken */
export function compare(online: readonly string[], alone: readonly string[]): void {
  for (let at = 0; at < Math.max(online.length, alone.length); at += 1) {
    if (online[at] === alone[at]) continue;
    throw new Broken(
      'P4',
      `decision ${at + 1}\n    online: ${online[at]}\n    alone:  ${alone[at]}`,
    );
  }
}
