/** What an adapter needs of the machine and of the unit, looked at without touching it (reference ble.md 1.7). */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import type { RadioBackend } from '../platform/radio/messages.ts';

export interface Finding {
  /** `advice`: works, but not as well as it could. */
  readonly state: 'there' | 'missing' | 'advice';
  readonly what: string;
  readonly remedy?: string | undefined;
}

/** Bits of CapEff in /proc/self/status. */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 } as const;

export function checkAdapter(backend: RadioBackend): readonly Finding[] {
  switch (backend.kind) {
    case 'bluez':
      return [adapterFile(backend.adapter), daemon(true), systemBus(backend.busAddress)];
    case 'hci':
      return [
        adapterFile(`hci${backend.adapter}`),
        capability('CAP_NET_ADMIN'),
        capability('CAP_NET_RAW'),
        daemon(false),
        soft(`hci${backend.adapter}`),
      ];
    case 'uart':
      return [port(backend.path)];
    case 'tcp':
      return [];
  }
}

function adapterFile(name: string): Finding {
  return existsSync(`/sys/class/bluetooth/${name}`)
    ? { state: 'there', what: `adapter ${name}` }
    : {
        state: 'missing',
        what: `adapter ${name}`,
        remedy: 'plug it in; `ls /sys/class/bluetooth` shows those that the kernel knows',
      };
}

function capability(name: keyof typeof CAPABILITIES): Finding {
  const status = readText('/proc/self/status');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  const has = ((BigInt(`0x${effective}`) >> BigInt(CAPABILITIES[name])) & 1n) === 1n;
  return {
    state: has ? 'there' : 'missing',
    what: `capability ${name}`,
    remedy: 'AmbientCapabilities= in the unit (latchkey-hci.conf); for this command, sudo',
  };
}

/** BlueZ has to run for the one way and must not for the other. */
function daemon(wanted: boolean): Finding {
  const runs = processes().includes('bluetoothd');
  const what = runs ? 'bluetoothd runs' : 'bluetoothd does not run';
  if (runs === wanted) return { state: 'there', what };
  return wanted
    ? { state: 'missing', what, remedy: 'systemctl enable --now bluetooth' }
    : {
        state: 'missing',
        what: `${what}, and would fight for the adapter`,
        remedy: 'systemctl disable --now bluetooth, or --via bluez',
      };
}

function systemBus(address: string | undefined): Finding {
  const path = /unix:path=([^,]+)/.exec(address ?? 'unix:path=/run/dbus/system_bus_socket')?.[1];
  const there = path !== undefined && existsSync(path);
  return {
    state: there ? 'there' : 'missing',
    what: 'the system bus',
    remedy: 'apt install dbus; and a policy that lets the service user send to org.bluez',
  };
}

/** A blocked radio looks like a dead one. */
function soft(name: string): Finding {
  const folder = '/sys/class/rfkill';
  const blocked = list(folder).some(
    (each) =>
      readText(`${folder}/${each}/name`).trim() === name &&
      (readText(`${folder}/${each}/soft`).trim() === '1' ||
        readText(`${folder}/${each}/hard`).trim() === '1'),
  );
  return blocked
    ? { state: 'missing', what: `${name} is blocked`, remedy: 'rfkill unblock bluetooth' }
    : { state: 'there', what: `${name} is not blocked` };
}

function port(path: string): Finding {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return { state: 'there', what: `port ${path}` };
  } catch {
    const remedy = existsSync(path)
      ? 'usermod --append --groups dialout latchkey, and start the service anew'
      : 'plug it in; `ls /dev/serial/by-id` shows names that stay';
    return { state: 'missing', what: `port ${path}`, remedy };
  }
}

function processes(): readonly string[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readText(`/proc/${pid}/comm`).trim());
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not this kind of machine
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // gone meanwhile, or hidden from us
  }
}
