/** All that may happen next, and how often. */
import { forges, replays } from './attacker.ts';
import {
  books,
  cancelsBooking,
  changesBooking,
  guestTypesCode,
  keyMovesAtKeycafe,
} from './bookings.ts';
import * as faults from './faults.ts';
import type { Life } from './life.ts';
import { commands, lockdown, putsGrant, revokesGrant, signedCommand } from './managers.ts';
import { forcesDoor, showsFob, typesCode, usesOpenSlot } from './people.ts';
import { killed, killedAtCommit, stopped } from './restarts.ts';
import { vendorTrouble } from './vendor-faults.ts';

export type Deed = readonly [weight: number, does: (life: Life) => void | Promise<void>];

export const DEEDS: readonly Deed[] = [
  [20, typesCode],
  [12, showsFob],
  [22, usesOpenSlot],
  [1, forcesDoor],
  [9, putsGrant],
  [2, revokesGrant],
  [3, commands],
  [4, signedCommand],
  [2, replays],
  [1, forges],
  [2, lockdown],
  [8, books],
  [3, changesBooking],
  [4, cancelsBooking],
  [12, guestTypesCode],
  [1, keyMovesAtKeycafe],
  [7, vendorTrouble],
  [6, faults.wireTrouble],
  [3, faults.portTrouble],
  [4, faults.boardTrouble],
  [3, faults.brokerTrouble],
  [3, faults.diskTrouble],
  [5, faults.diskFailsUnderCode],
  [2, faults.clockTrouble],
  [1, faults.fire],
  [1, faults.wayOfOneCodeIsMended],
  [2, killed],
  [2, killedAtCommit],
  [1, stopped],
  [12, (life) => life.pass(life.draw(20_000))],
  [2, (life) => life.pass(life.draw(300_000))],
];

/**
 * What may happen to two sites alike. Ports are left in peace, since when one is tried again is drawn from the chance
 * that the daemon's talk with clouds draws from, too; and the disk, which fails at the next write, whoever's it is.
 */
export const DEEDS_OF_TWINS: readonly Deed[] = DEEDS.filter(([, does]) => {
  const clouds: readonly Deed[1][] = [signedCommand, replays, forges, books, changesBooking];
  const more = [cancelsBooking, keyMovesAtKeycafe, vendorTrouble, faults.brokerTrouble];
  const own = [faults.portTrouble, faults.diskTrouble, faults.diskFailsUnderCode];
  const cuts = [faults.clockTrouble, faults.wayOfOneCodeIsMended, faults.fire, killedAtCommit];
  return ![...clouds, ...more, ...own, ...cuts].includes(does);
});
