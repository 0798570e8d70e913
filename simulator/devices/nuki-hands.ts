/** What a hand can do to a simulated Nuki lock and its door. */
import type { Verb } from '../device.ts';
import type { NukiLock } from './nuki-lock.ts';

export function handsOn(lock: NukiLock): Readonly<Record<string, Verb>> {
  return {
    turn: {
      what: 'turn the knob by hand',
      arguments: { to: 'locked or unlocked' },
      run: ({ to }) => {
        if (to !== 'locked' && to !== 'unlocked') throw new RangeError('to: locked or unlocked');
        lock.turnByHand(to === 'locked');
        return null;
      },
    },
    keypad: {
      what: 'type a code at the keypad',
      arguments: { code: 'digits' },
      run: ({ code }) => lock.enterCode(String(code)),
    },
    'pairing-mode': {
      what: 'press the button for five seconds',
      arguments: {},
      run: () => {
        lock.beginPairing();
        return null;
      },
    },
    jam: {
      what: 'block the bolt, or free it',
      arguments: { on: 'true or false' },
      run: ({ on }) => {
        lock.motor.isJammed = on === true;
        return null;
      },
    },
    battery: {
      what: 'set what the batteries hold',
      arguments: { percent: '0 to 100' },
      run: ({ percent }) => {
        if (typeof percent !== 'number') throw new RangeError('percent: 0 to 100');
        lock.battery = percent;
        return null;
      },
    },
    'keypad-battery': {
      what: 'let the batteries of its keypad run low, or change them',
      arguments: { low: 'true or false' },
      run: ({ low }) => {
        lock.keypadIsLow = low === true;
        return null;
      },
    },
    door: {
      what: 'open or close the door before its sensor',
      arguments: { open: 'true or false' },
      run: ({ open }) => {
        lock.moveDoor(open === true);
        return null;
      },
    },
    clock: {
      what: 'set its clock wrong by so much',
      arguments: { byMs: 'milliseconds, negative for slow' },
      run: ({ byMs }) => {
        if (typeof byMs !== 'number') throw new RangeError('byMs: milliseconds');
        lock.moveClock(byMs);
        return null;
      },
    },
    'factory-reset': {
      what: 'forget every key and code',
      arguments: {},
      run: () => {
        lock.factoryReset();
        return null;
      },
    },
  };
}
