/** The config of the simulated site, from what a test wishes to have there. */
import type { Config } from '../config/schema.ts';
import type { Millis } from '../drivers/contract/time.ts';

const CONFIG = `
site: { id: harbour-12, zone: Europe/Stockholm, policies: { clockSource: assumed } }
store: { directory: /memory }
secrets: { pinPepper: "file:FOLDER/pepper", signingKey: "file:FOLDER/keys/signing-key.json", sealingKey: "file:FOLDER/keys/sealing-key.json" }
buses:
  box-bus: { serial: /simulated/box, baudRate: 19200 }
  lobby-bus: { tcp: "127.0.0.1:1" }
  pad-bus: { serial: /simulated/pad, baudRate: 9600 }
  slot-7-bus: { serial: /simulated/slot-7, baudRate: 9600 }
devices:
  box: { driver: kerong-cu16, bus: box-bus, address: 0 }
  fobs: { driver: rdm6300, bus: lobby-bus }
  keypad: { driver: wiegand-serial, bus: pad-bus, entry: { end: "#" } }
  slot-7: { driver: rdm6300, bus: slot-7-bus }
accessPoints:
  lobby: { box: box, readers: [fobs, keypad], slotReaders: { 7: slot-7 } }
keys:
  flat-3: { name: Flat 3, fob: "0F00012A03", home: lobby, slot: 3 }
  flat-7: { name: Flat 7, fob: "0F00012A07", home: lobby, slot: 7 }
  store-room: { name: Store room, fob: "0F00012A0C", home: lobby, slot: 12 }
`;

const CLOUD = `
cloud:
  mqtt: { url: "mqtt://127.0.0.1:1883", bridgeId: BRIDGE, trust: FOLDER/keys/trust.json, drainPerSecond: unlimited, connectSpread: 0s, snapshotSpread: 0s }
`;

/** A Nuki lock on the air, and its keypad's reader of the lobby beside it. */
const LOCK = {
  bus: '  radio: { ble: hci0 }\n',
  device:
    '  door: { driver: nuki-smart-lock, bus: radio, address: "ADDRESS", authorization: "credential:lock", pin: "credential:lock-pin", pollMs: 60000 }\n',
  accessPoint: '  entrance: { locks: [door], readers: [] }\n',
};

/** A door with a strike at a relay board, to which the fire alarm is wired, too. */
const GATE = {
  bus: '  gate-bus: { serial: /simulated/gate, baudRate: 9600 }\n',
  device: '  gate: { driver: modbus-relay, bus: gate-bus, strike: { relay: 1, contact: 1 } }\n',
  accessPoint: '  gateway: { locks: [gate], readers: [] }\n',
  inputs: 'inputs: [ { device: gate, input: 8, does: fire, locks: [gate] } ]\n',
};

export interface SiteText {
  readonly directory: string;
  readonly bridge: string;
  readonly hasCloud: boolean;
  readonly hasGate: boolean;
  /** Address of the lock on the air, where there is one. */
  readonly lock: string | undefined;
  /** `vendors:` and what belongs to it. */
  readonly vendors: string;
}

const NO_GATE = { bus: '', device: '', accessPoint: '', inputs: '' };

export function siteText(wish: SiteText): string {
  const gate = wish.hasGate ? GATE : NO_GATE;
  const { lock } = wish;
  const radio =
    lock === undefined ? NO_GATE : { ...LOCK, device: LOCK.device.replace('ADDRESS', lock) };
  const site = CONFIG.replace('buses:\n', `buses:\n${gate.bus}${radio.bus}`)
    .replace('devices:\n', `devices:\n${gate.device}${radio.device}`)
    .replace('accessPoints:\n', `accessPoints:\n${gate.accessPoint}${radio.accessPoint}`);
  const cloud = wish.hasCloud ? CLOUD.replace('BRIDGE', wish.bridge) : '';
  return [site, cloud, gate.inputs, wish.vendors].join('').replaceAll('FOLDER', wish.directory);
}

const SWIFT_POLL: Millis = 1000;

/** Bytes take no time, and boards are looked at each second. */
export function swift(config: Config): Config {
  const buses = Object.entries(config.buses).map(([name, { baudRate: _, ...bus }]) => [name, bus]);
  const devices = Object.entries(config.devices).map(([name, device]) => {
    const { options } = device;
    const isPolled = typeof options === 'object' && options !== null && 'pollMs' in options;
    return [name, isPolled ? { ...device, options: { ...options, pollMs: SWIFT_POLL } } : device];
  });
  return { ...config, buses: Object.fromEntries(buses), devices: Object.fromEntries(devices) };
}
