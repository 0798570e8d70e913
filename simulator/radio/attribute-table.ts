/** The attributes of one peripheral with their handles (Core Vol 3 Part G 3), and reading them by what a client asks. */
import { joinBytes } from '../../drivers/wire/hex.ts';
import { u16, uuidBytes } from './hci.ts';
import type { CharacteristicShape, Property, ServiceShape } from './peripheral.ts';

const PROPERTY_BITS: Readonly<Record<Property, number>> = {
  read: 0x02,
  'write-without-response': 0x04,
  write: 0x08,
  notify: 0x10,
  indicate: 0x20,
};

export const PRIMARY_SERVICE = '2800';
export const CHARACTERISTIC = '2803';
export const CLIENT_CONFIGURATION = '2902';

export interface Attribute {
  readonly handle: number;
  /** Type, hex without dashes. */
  readonly type: string;
  /** Last handle of the service, for a service declaration. */
  readonly end: number;
  /** Fixed value; empty for values and configurations, which live elsewhere. */
  readonly value: Uint8Array;
  /** For a value or its configuration: whose it is. */
  readonly of: CharacteristicShape | undefined;
}

/** Handles count from 1 without gaps, in the order of the shapes. */
export function attributeTable(services: readonly ServiceShape[]): readonly Attribute[] {
  const table: Attribute[] = [];
  for (const service of services) {
    const first = table.length + 1;
    const own = service.characteristics.flatMap((each) => (tells(each) ? [3] : [2]));
    const end = first + own.reduce((sum, count) => sum + count, 0);
    const add = (type: string, value: Uint8Array, of?: CharacteristicShape) =>
      table.push({ handle: table.length + 1, type, end, value, of });
    add(PRIMARY_SERVICE, uuidBytes(service.uuid));
    for (const characteristic of service.characteristics) {
      const bits = characteristic.properties.reduce((sum, each) => sum | PROPERTY_BITS[each], 0);
      const valueHandle = table.length + 2;
      add(
        CHARACTERISTIC,
        joinBytes(Uint8Array.of(bits), u16(valueHandle), uuidBytes(characteristic.uuid)),
      );
      add(characteristic.uuid, new Uint8Array(0), characteristic);
      if (tells(characteristic)) add(CLIENT_CONFIGURATION, new Uint8Array(0), characteristic);
    }
  }
  return table;
}

export function tells({ properties }: CharacteristicShape): boolean {
  return properties.includes('notify') || properties.includes('indicate');
}

/**
 * A list reply: entries of equal length from the first on, as many as fit into `mtu` after its two header bytes.
 * `undefined` where nothing was found.
 */
export function listReply(
  opcode: number,
  entries: readonly Uint8Array[],
  mtu: number,
): Uint8Array | undefined {
  const [first] = entries;
  if (first === undefined) return undefined;
  const room = Math.max(1, Math.floor((mtu - 2) / first.length));
  const other = entries.findIndex((entry) => entry.length !== first.length);
  const same = other < 0 ? entries : entries.slice(0, other);
  return joinBytes(Uint8Array.of(opcode, first.length), ...same.slice(0, room));
}
