/**
 * Devices that were added or taken away by signed commands: kept beside the store, laid over the config file whenever
 * it is read. The file stays the installer's: what it names wins over what was added under the same name.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError } from '../drivers/contract/errors.ts';
import { remoteDevicesFile } from './remote-devices-file.ts';

/** Far more than anybody adds one by one. */
export const REMOTE_DEVICES_MOST = 64;

const settings = z.record(z.string(), z.unknown());

const schema = z.strictObject({
  v: z.literal(1),
  /** As in the section `devices` of the config. */
  devices: z.record(z.string(), settings),
  /** Buses that came with them. */
  buses: z.record(z.string(), settings),
  /** Devices of the config file that are not to be run. */
  removed: z.array(z.string()).max(512),
});

type Settings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface RemoteDevices {
  readonly v: 1;
  readonly devices: Settings;
  readonly buses: Settings;
  readonly removed: readonly string[];
}

export const NO_REMOTE_DEVICES: RemoteDevices = { v: 1, devices: {}, buses: {}, removed: [] };

/** @throws ConfigError where the file is there and cannot be read: what it says must not be forgotten silently. */
export function readRemoteDevices(directory: string): RemoteDevices {
  const file = remoteDevicesFile(directory);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (problem) {
    const code = problem instanceof Error && 'code' in problem ? problem.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return NO_REMOTE_DEVICES;
    throw fault(file, String(code ?? 'unreadable'));
  }
  const read = schema.safeParse(jsonIn(text));
  if (!read.success) throw fault(file, 'something else');
  return read.data;
}

export function remoteDevicesText(remote: RemoteDevices): string {
  return `${JSON.stringify(schema.parse(remote), undefined, 2)}\n`;
}

type Section = Readonly<Record<string, unknown>>;

/** The config's text as values, with what was changed from afar. */
export function withRemoteDevices(root: Section, remote: RemoteDevices): Section {
  const devices = without(sectionOf(root, 'devices'), remote.removed);
  const buses = sectionOf(root, 'buses');
  const isEmpty = Object.keys(remote.devices).length + remote.removed.length === 0;
  if (isEmpty || devices === undefined || buses === undefined) return root;
  return {
    ...root,
    devices: { ...remote.devices, ...devices },
    buses: { ...remote.buses, ...buses },
  };
}

/** `undefined`: it is no section, which is told elsewhere. */
function sectionOf(root: Section, name: string): Section | undefined {
  const value = root[name] ?? {};
  return typeof value === 'object' && !Array.isArray(value) ? { ...value } : undefined;
}

function without(section: Section | undefined, names: readonly string[]): Section | undefined {
  if (section === undefined) return undefined;
  return Object.fromEntries(Object.entries(section).filter(([name]) => !names.includes(name)));
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fault(file: string, found: string): ConfigError {
  const remedy = `devices that were added from afar, as the daemon wrote them; without ${file}, there are none`;
  return new ConfigError([{ path: 'store.directory', found: `${file}: ${found}`, remedy }]);
}
