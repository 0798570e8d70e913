/** What a simulated Nuki lock says of itself, as bytes: states, config, battery report. */
import { u16, u32 } from '../../drivers/nuki/frame.ts';
import { lockDate } from '../../drivers/nuki/lock-date.ts';
import { joinBytes } from '../../drivers/wire/hex.ts';

/** Below this it calls its batteries critical. */
const CRITICAL_PERCENT = 20;

export interface StatesPicture {
  readonly pairing: boolean;
  readonly state: number;
  readonly clock: number;
  readonly battery: number;
  readonly configCount: number;
  readonly last: { readonly action: number; readonly trigger: number; readonly completion: number };
  readonly door: 'none' | 'open' | 'closed';
  readonly keypadIsLow: boolean;
}

/** Keyturner States of API 2.2: 22 bytes, night mode in two of them before the battery of the keypad. */
export function statesOf(picture: StatesPicture): Uint8Array {
  const { action, trigger, completion } = picture.last;
  const door = { none: 0, open: 3, closed: 2 }[picture.door];
  const critical = picture.battery < CRITICAL_PERCENT ? 1 : 0;
  const battery = (Math.round(picture.battery / 2) << 2) | critical;
  const accessory = 1 | (picture.keypadIsLow ? 2 : 0);
  return joinBytes(
    Uint8Array.of(picture.pairing ? 1 : 2, picture.state, 0),
    lockDate(picture.clock, 0, 'down'),
    u16(0),
    Uint8Array.of(battery, picture.configCount, 0, action, trigger, completion, door),
    u16(0),
    Uint8Array.of(accessory),
  );
}

export function configOf(picture: {
  readonly id: number;
  readonly name: string;
  readonly clock: number;
  readonly hasKeypad: boolean;
}): Uint8Array {
  const name = new Uint8Array(32);
  name.set(new TextEncoder().encode(picture.name).subarray(0, 32));
  return joinBytes(
    u32(picture.id),
    name,
    new Uint8Array(8), // position
    Uint8Array.of(0, 1, 1, 1, 3), // auto unlatch, pairing, button, led, its level
    lockDate(picture.clock, 0, 'down'),
    u16(0), // offset
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0), // dst, fobs, single lock, advertising mode
    Uint8Array.of(picture.hasKeypad ? 1 : 0),
    Uint8Array.of(3, 5, 11, 4, 2), // firmware, hardware
    Uint8Array.of(0, 37, 0), // HomeKit, zone
  );
}

export function batteryReportOf(percent: number): Uint8Array {
  const millivolts = 4200 + percent * 16;
  return joinBytes(
    u16(120), // drain
    u16(millivolts),
    Uint8Array.of(percent < CRITICAL_PERCENT ? 1 : 0, 1),
    u16(millivolts),
    u16(millivolts - 100), // under load
    u16(360), // turned by
    Uint8Array.of(21), // degrees
    u16(900), // most milliamperes
    u16(300), // milliohms
  );
}
