/** The buses and devices of the config as this run leaves them: to be pasted over the sections of these names. */
import { parseConfig } from '../../config/load.ts';
import { readYaml } from '../../config/yaml.ts';
import { ConfigError, type Fault } from '../../drivers/contract/errors.ts';

type Settings = Readonly<Record<string, unknown>>;

/** The sections of a config as they are written, not as their schemas read them. */
export interface Written {
  readonly buses: Readonly<Record<string, Settings>>;
  readonly devices: Readonly<Record<string, Settings>>;
  readonly rest: Settings;
}

export function writtenIn(text: string, variables: ReadonlyMap<string, string>): Written {
  const { buses, devices, ...rest } = settings(readYaml(text, variables).value);
  return { buses: sectionOf(buses), devices: sectionOf(devices), rest };
}

export function fragmentText({ buses, devices }: Written): string {
  return `buses:\n${block(buses)}devices:\n${block(devices)}`;
}

/** What `check-config` would say of the config with the fragment in it; nothing where all is right. */
export function faultsOf({ rest, buses, devices }: Written): readonly Fault[] {
  try {
    // JSON is YAML.
    parseConfig(JSON.stringify({ ...rest, buses, devices }));
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

/**
 * The other polarity of the door bits, or of the presence bits; `undefined` where this driver has no such setting.
 */
export function flipped(device: Settings, what: 'door' | 'presence'): Settings | undefined {
  const { driver } = device;
  if (driver === 'osdp') return what === 'door' ? flippedInput(device) : undefined;
  const has = what === 'door' ? DOOR_POLARITY : PRESENCE_POLARITY;
  if (typeof driver !== 'string' || !has.has(driver)) return undefined;
  const polarity = settings(device['polarity']);
  const other = polarity[what] === 'inverted' ? 'normal' : 'inverted';
  return { ...device, polarity: { ...polarity, [what]: other } };
}

const PRESENCE_POLARITY = new Set(['kerong-cu16', 'kerong-cu48b', 'modbus-relay']);
const DOOR_POLARITY = new Set([
  ...PRESENCE_POLARITY,
  'kerong-cu12',
  'kerong-cu48',
  'lock-board-8a',
]);

function flippedInput(device: Settings): Settings | undefined {
  const inputs: unknown = device['inputs'];
  if (!Array.isArray(inputs)) return undefined;
  return {
    ...device,
    inputs: inputs.map((each: unknown) => {
      const input = settings(each);
      if (input['as'] !== 'door-contact') return input;
      return { ...input, activeWhen: input['activeWhen'] === 'open' ? 'closed' : 'open' };
    }),
  };
}

function sectionOf(value: unknown): Readonly<Record<string, Settings>> {
  return Object.fromEntries(
    Object.entries(settings(value)).map(([name, each]) => [name, settings(each)]),
  );
}

function settings(value: unknown): Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function block(section: Readonly<Record<string, Settings>>): string {
  const lines = Object.entries(section).map(([name, each]) => `  ${name}: ${flow(each)}\n`);
  return lines.length === 0 ? '  {}\n' : lines.join('');
}

/** Texts in quotes, so that nothing in them can be taken for something else. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return scalar(value);
  const members = Object.entries(value).map(([name, each]) => `${scalar(name)}: ${flow(each)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

/** A word of letters that YAML takes for nothing else may stand bare. */
function scalar(value: unknown): string {
  const isBare =
    typeof value === 'string' &&
    /^[A-Za-z][A-Za-z0-9-]*$/.test(value) &&
    !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value);
  return isBare ? value : JSON.stringify(value);
}
