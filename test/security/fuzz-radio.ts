/** What comes over the air: frames of Nuki locks, sealed and plain, notifications to every GATT driver, and H4 from a dongle. */
import { randomBytes } from 'node:crypto';
import { actuationId, deviceId } from '../../drivers/contract/device.ts';
import type { GattCharacteristic } from '../../drivers/contract/link.ts';
import type { Input, Machine, Step } from '../../drivers/contract/machine.ts';
import { type Uptime, uptime } from '../../drivers/contract/time.ts';
import { gattRelay } from '../../drivers/gatt-relay/driver.ts';
import { gattRelayOptions } from '../../drivers/gatt-relay/options.ts';
import { authorizationText, readAuthorization, readPin } from '../../drivers/nuki/credentials.ts';
import { nukiSmartLock } from '../../drivers/nuki/driver.ts';
import {
  assemblePlain,
  assembleSealed,
  decodePlain,
  decodeSealed,
  encodePlain,
  encodeSealed,
} from '../../drivers/nuki/frame.ts';
import { parseCode } from '../../drivers/nuki/keypad-code.ts';
import { fromLockDate } from '../../drivers/nuki/lock-date.ts';
import { parseLogEntry } from '../../drivers/nuki/log-entry.ts';
import { nukiOptions } from '../../drivers/nuki/options.ts';
import { parseBatteryReport, parseConfig, parseStates } from '../../drivers/nuki/states.ts';
import { toHex } from '../../drivers/wire/hex.ts';
import { checkWiegand, WIEGAND_FORMATS } from '../../drivers/wire/wiegand.ts';
import { H4Stream } from '../../simulator/radio/hci.ts';
import { seededRandom } from '../../simulator/random.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const DUT = deviceId('dut');
const KEY = new Uint8Array(32).fill(9);
const AUTHORIZATION = 77;
const NONCE = new Uint8Array(24).fill(3);
const ADDRESS = '54:d2:72:00:00:01';
const COMMANDS = [0x0004, 0x000c, 0x000e, 0x0011, 0x0012, 0x0015, 0x0032, 0x0035, 0x0045, 0x0047];

export function radioTargets(): readonly FuzzTarget[] {
  return [
    nukiFrames(),
    nukiPayloads(),
    gattDriver('nuki-smart-lock', nukiMachineOf),
    gattDriver('gatt-relay', relayMachineOf),
    h4(),
    wiegandBits(),
    secretFiles(),
  ];
}

const sealedMessage = (command: number, payload: Uint8Array) =>
  encodeSealed(KEY, AUTHORIZATION, NONCE, { command, payload });

function nukiFrames(): FuzzTarget {
  const payload = Uint8Array.from({ length: 40 }, (_, n) => n * 7);
  return {
    name: 'nuki-frames',
    seeds: COMMANDS.flatMap((command) => [
      encodePlain({ command, payload }),
      sealedMessage(command, payload),
    ]),
    run(input) {
      const kinds = [assemblePlain(input), assembleSealed(input)];
      for (const assembled of kinds) {
        if (assembled.kind === 'whole' && assembled.length > input.length)
          throw new Error('a whole frame is longer than what came');
      }
      const plain = decodePlain(input);
      const opened = decodeSealed(KEY, AUTHORIZATION, input);
      return `${kinds.map(({ kind }) => kind)} ${plain?.command} ${opened?.command}`;
    },
  };
}

/** What a lock that has our key, or somebody who stole it, may put into a frame. */
function nukiPayloads(): FuzzTarget {
  return {
    name: 'nuki-payloads',
    seeds: [12, 18, 23, 40, 60].map((length) => Uint8Array.from({ length }, (_, n) => n)),
    run: (input) =>
      [
        parseStates(input),
        parseConfig(input),
        parseBatteryReport(input),
        parseLogEntry(input, AUTHORIZATION, () => undefined),
        parseCode(input, KEY),
        input.length >= 7 ? fromLockDate(input.subarray(0, 7), 60) : undefined,
      ]
        .map((read) => typeof read)
        .join(),
  };
}

function nukiMachineOf(): Machine<unknown> {
  const options = nukiOptions.parse({
    address: ADDRESS,
    authorization: 'credential:lock',
  });
  const text = Buffer.from(authorizationText(AUTHORIZATION, toHex(KEY), '00'.repeat(16)));
  return nukiSmartLock.machine([{ id: DUT, options }], busWith('credential:lock', text));
}

function relayMachineOf(): Machine<unknown> {
  const given = { address: ADDRESS, dialect: 'bt004ble', password: 'credential:relay' };
  const options = gattRelayOptions.parse(given);
  const secret = Buffer.from('123456');
  return gattRelay.machine([{ id: DUT, options }], busWith('credential:relay', secret));
}

function busWith(reference: string, secret: Uint8Array) {
  return {
    baudRate: 0,
    latencyMs: 0,
    echo: false,
    random: seededRandom(4),
    secrets: new Map([[reference, secret]]),
  };
}

/** Each piece is a notification on whichever characteristic the machine has spoken of; half of them are sealed with its key. */
function gattDriver(name: string, build: () => Machine<unknown>): FuzzTarget {
  return {
    name,
    seeds: [
      ...COMMANDS.map((command) => sealedMessage(command, new Uint8Array(32).fill(command))),
      randomBytes(40),
    ],
    run(input) {
      const machine = build();
      let now: Uptime = uptime(1000);
      let step: Step<unknown> = machine.begin(now);
      const known: GattCharacteristic[] = [];
      const kinds = new Set<string>();
      let isUp = false;
      const take = (next: Input, depth = 0) => {
        step = machine.step(step.state, next, now);
        follow(depth);
      };
      const follow = (depth = 0) => {
        for (const event of step.events) kinds.add(event.kind);
        const { send } = step;
        for (const each of send) {
          if (each.kind === 'gatt-subscribe' || each.kind === 'gatt-write') known.push(each.to);
          if (each.kind === 'gatt-read') known.push(each.from);
        }
        if (send.length === 0 || depth > 30) return;
        // What is asked for opens the link, as the loop that runs a machine does.
        if (!isUp) {
          isUp = true;
          take({ kind: 'link-up', mtu: 185 }, depth + 1);
        }
        if (send.some(({ kind }) => kind === 'close')) isUp = false;
        else take({ kind: 'sent' }, depth + 1);
      };
      const wake = () => {
        now = uptime(Math.max(now + 1, step.wakeAt ?? now));
        take({ kind: 'wake' });
      };
      const reach = (kind: 'unlock' | 'read-state') => {
        wake();
        const expiresAt = uptime(now + 2000);
        const common = { id: actuationId(`a-${now}`), device: DUT, expiresAt };
        take({
          kind: 'actuation',
          actuation: kind === 'unlock' ? { ...common, kind, hold: 1000 } : { ...common, kind },
        });
      };
      follow();
      reach('unlock');
      for (
        let at = 0, size = 5;
        at < input.length && at < 600;
        at += size, size = 1 + ((size * 7 + 3) % 47)
      ) {
        const piece = input.subarray(at, at + size);
        const from = known[(piece[0] ?? 0) % Math.max(1, known.length)];
        if (from === undefined) break;
        const command = COMMANDS[(piece[1] ?? 0) % COMMANDS.length] ?? 0;
        const value = size % 2 === 0 ? piece : sealedMessage(command, piece);
        take({ kind: size % 5 === 0 ? 'value' : 'notified', from, value });
        // Its patience is over, and it is asked again.
        if (size % 9 === 0) reach('read-state');
      }
      take({ kind: 'link-down' });
      machine.statistics(step.state);
      return [...kinds].sort().join();
    },
  };
}

function h4(): FuzzTarget {
  return {
    name: 'h4',
    seeds: [
      Uint8Array.of(0x04, 0x0e, 0x04, 0x01, 0x03, 0x0c, 0x00),
      Uint8Array.of(0x02, 0x40, 0x00, 0x05, 0x00, 0x01, 0x00, 0x04, 0x00, 0x0a),
      Uint8Array.of(0x01, 0x03, 0x0c, 0x00),
    ],
    run(input) {
      const stream = new H4Stream();
      const kinds = new Set<number>();
      let length = 0;
      for (let at = 0; at < input.length; at += 7) {
        for (const packet of stream.take(input.subarray(at, at + 7))) {
          kinds.add(packet[0] ?? 0);
          length += packet.length;
        }
      }
      if (length > input.length) throw new Error('more came out than went in');
      return [...kinds].sort().join();
    },
  };
}

function wiegandBits(): FuzzTarget {
  return {
    name: 'wiegand',
    seeds: [Uint8Array.of(26, 0x12, 0x34, 0x56, 0x40), Uint8Array.of(37, 1, 2, 3, 4, 5)],
    run(input) {
      const bits = input.subarray(1);
      const count = Math.min(input[0] ?? 0, bits.length * 8);
      const checks = WIEGAND_FORMATS.map((format) => checkWiegand(bits, count, [format]).kind);
      return `${checks} ${checkWiegand(bits, count, []).kind}`;
    },
  };
}

/** Files that somebody else wrote beside the config. */
function secretFiles(): FuzzTarget {
  return {
    name: 'lock-credentials',
    seeds: [
      Buffer.from(authorizationText(AUTHORIZATION, toHex(KEY), '00'.repeat(16))),
      Buffer.from('1234'),
    ],
    run: (input) => `${typeof readAuthorization(input)} ${typeof readPin(input)}`,
  };
}
