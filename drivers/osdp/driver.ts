/** OSDP v2.2 readers, keypads and their door inputs and outputs, as an entry of the catalogue. */
import { ConfigError, type Fault } from '../contract/errors.ts';
import type { Driver, DriverAbilities, MachineDevice } from '../contract/machine.ts';
import { fromHex } from '../wire/hex.ts';
import { type OsdpDevice, osdpMachine } from './machine.ts';
import type { OsdpOptions } from './options.ts';
import { isSame, SCBK_DEFAULT } from './secure-channel.ts';

export const osdp: Driver<OsdpOptions> = {
  name: 'osdp',
  title: 'OSDP v2.2 readers and keypads on RS-485, with Secure Channel',
  link: 'bytes',
  defaultBaudRate: 9600,
  abilities: ({ strike }): DriverAbilities => ({
    cards: true,
    codes: true,
    feedback: true,
    slots: false,
    presence: false,
    lock: strike !== undefined,
    onPowerLoss: strike && (strike.energised === 'unlocks' ? 'fail-secure' : 'fail-safe'),
  }),
  clashes,
  machine(devices, bus) {
    const faults: Fault[] = [];
    const keyed: OsdpDevice[] = devices.map((device) => {
      const { secureChannel } = device.options;
      if (secureChannel === 'off') return { ...device, key: undefined };
      const key = keyFrom(bus.secrets.get(secureChannel.key));
      if (typeof key === 'string') {
        const path = `devices.${device.id}.options.secureChannel.key`;
        faults.push({ path, found: secureChannel.key, remedy: key });
        return { ...device, key: undefined };
      }
      return { ...device, key };
    });
    // A reader without its key is no reader in clear: nothing is sent on this bus until this is mended.
    if (faults.length > 0) throw new ConfigError(faults);
    return osdpMachine(keyed, bus);
  },
};

/** Sixteen bytes, or their 32 hex digits; else what is wrong with them. */
function keyFrom(secret: Uint8Array | undefined): Uint8Array | string {
  if (secret === undefined) return 'name a credential that exists';
  const text = new TextDecoder().decode(secret).trim();
  const isText = /^[0-9A-Fa-f]{32}$/.test(text);
  const key = isText ? fromHex(text) : secret;
  if (key.length !== 16) return 'give 16 random bytes, or their 32 hex digits';
  if (isSame(key, SCBK_DEFAULT)) return 'this is the key printed in the standard; draw another';
  if (key.every((byte) => byte === key[0])) return 'this is no key; draw 16 random bytes';
  return Uint8Array.from(key);
}

function clashes(devices: readonly MachineDevice<OsdpOptions>[]): readonly string[] {
  const found: string[] = [];
  const at = new Map<number, string>();
  for (const { id, options } of devices) {
    const other = at.get(options.address);
    if (other === undefined) at.set(options.address, id);
    else found.push(`${other} and ${id} have both OSDP address ${options.address} on one bus`);
  }
  const keys = new Map<string, string>();
  for (const { id, options } of devices) {
    if (options.secureChannel === 'off') continue;
    const other = keys.get(options.secureChannel.key);
    if (other === undefined) keys.set(options.secureChannel.key, id);
    else found.push(`${other} and ${id} share one key; each reader needs its own`);
  }
  const moved = devices.filter(({ options }) => options.install?.from !== undefined);
  if (moved.length > 1) {
    const names = moved.map(({ id }) => id).join(' and ');
    found.push(`${names} are both to be moved; new readers are wired and moved one at a time`);
  }
  for (const { id, options } of moved) {
    const address = options.install?.from?.address;
    const other = address === undefined ? undefined : at.get(address);
    if (other !== undefined && other !== id) {
      found.push(`${id} is to be moved from address ${address}, where ${other} answers`);
    }
  }
  return found;
}
