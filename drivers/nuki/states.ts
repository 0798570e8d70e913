/** Keyturner States, Config and Battery Report. Firmware appends fields: a prefix is read, what is missing is unknown. */
import type { LockState } from '../contract/device.ts';
import { readU16, readU32 } from './frame.ts';
import { DATE_BYTES, fromLockDate } from './lock-date.ts';

export const LOCK_STATE = {
  uncalibrated: 0x00,
  locked: 0x01,
  unlocking: 0x02,
  unlocked: 0x03,
  locking: 0x04,
  unlatched: 0x05,
  unlockedLockNGo: 0x06,
  unlatching: 0x07,
  calibration: 0xfc,
  bootRun: 0xfd,
  motorBlocked: 0xfe,
  undefined: 0xff,
} as const;

const STATE_WORDS: Readonly<Record<number, LockState>> = {
  [LOCK_STATE.uncalibrated]: 'uncalibrated',
  [LOCK_STATE.locked]: 'locked',
  [LOCK_STATE.unlocking]: 'unlocking',
  [LOCK_STATE.unlocked]: 'unlocked',
  [LOCK_STATE.locking]: 'locking',
  [LOCK_STATE.unlatched]: 'unlatched',
  [LOCK_STATE.unlockedLockNGo]: 'unlocked',
  [LOCK_STATE.unlatching]: 'unlatching',
  [LOCK_STATE.motorBlocked]: 'jammed',
};

export const ACTION = { unlock: 0x01, lock: 0x02, unlatch: 0x03 } as const;

export interface KeyturnerStates {
  readonly state: LockState;
  /** Not uninitialised, pairing or in maintenance. */
  readonly isInService: boolean;
  /** Milliseconds since 1970 by the lock's own clock, taken as UTC; `undefined` where it is none. */
  readonly clock: number | undefined;
  /** Minutes that the lock adds for its owner's zone. */
  readonly offsetMinutes: number;
  readonly batteryCritical: boolean;
  /** Since API 2.2; `undefined` before. */
  readonly batteryPercent: number | undefined;
  readonly charging: boolean;
  /** Config was changed when this did. */
  readonly configCount: number;
  /** Last action with its completion: 00 ok, 01 motor blocked and so on. */
  readonly last: { readonly action: number; readonly completion: number } | undefined;
  /** `undefined` without a sensor, or while it does not know. */
  readonly doorOpen: boolean | undefined;
  readonly keypadBatteryCritical: boolean | undefined;
}

const STATES_MIN = 2 + 1 + DATE_BYTES + 2 + 1;

export function parseStates(payload: Uint8Array): KeyturnerStates | undefined {
  if (payload.length < STATES_MIN) return undefined;
  const [nukiState, lockState] = payload;
  const battery = payload[12] ?? 0;
  const percent = battery >>> 2;
  const [action, , completion] = payload.subarray(15, 18);
  const door = payload[18];
  const accessory = payload[21]; // after two bytes of night mode
  return {
    state: STATE_WORDS[lockState ?? LOCK_STATE.undefined] ?? 'unknown',
    isInService: nukiState === 0x02 || nukiState === 0x03,
    clock: fromLockDate(payload.subarray(3, 10), 0),
    offsetMinutes: (readU16(payload, 10) << 16) >> 16,
    batteryCritical: (battery & 1) !== 0,
    batteryPercent: percent === 0 ? undefined : Math.min(100, percent * 2),
    charging: (battery & 2) !== 0,
    configCount: payload[13] ?? 0,
    last: action !== undefined && completion !== undefined ? { action, completion } : undefined,
    doorOpen: door === 0x02 ? false : door === 0x03 ? true : undefined,
    keypadBatteryCritical:
      accessory === undefined || (accessory & 1) === 0 ? undefined : (accessory & 2) !== 0,
  };
}

export interface LockConfig {
  readonly id: number;
  readonly firmware: string;
  readonly hardware: string;
  readonly hasKeypad: boolean;
  readonly pairingEnabled: boolean;
}

const CONFIG_MIN = 4 + 32 + 8 + 5 + DATE_BYTES + 2 + 1 + 4 + 3 + 3 + 2;

export function parseConfig(payload: Uint8Array): LockConfig | undefined {
  if (payload.length < CONFIG_MIN) return undefined;
  // id 4, name 32, position 8, five switches, time 7, offset 2, dst 1, fobs 4, singleLock, advMode, hasKeypad
  const keypadAt = 4 + 32 + 8 + 5 + DATE_BYTES + 2 + 1 + 4 + 2;
  const firmware = payload.subarray(keypadAt + 1, keypadAt + 4);
  const hardware = payload.subarray(keypadAt + 4, keypadAt + 6);
  // After them: homekit 1, zone 2, device type 1, capabilities 1, and the flag of the second keypad model.
  const second = payload[keypadAt + 11];
  return {
    id: readU32(payload, 0),
    firmware: [...firmware].join('.'),
    hardware: [...hardware].join('.'),
    hasKeypad: payload[keypadAt] === 1 || second === 1,
    pairingEnabled: payload[4 + 32 + 8 + 1] === 1,
  };
}

export interface BatteryReport {
  readonly millivolts: number;
  /** Lowest during the last motor run: what counts for the next one. */
  readonly lowestMillivolts: number;
  readonly critical: boolean;
}

export function parseBatteryReport(payload: Uint8Array): BatteryReport | undefined {
  if (payload.length < 10) return undefined;
  return {
    millivolts: readU16(payload, 2),
    critical: payload[4] === 1,
    lowestMillivolts: readU16(payload, 8),
  };
}
