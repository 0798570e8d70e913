/** Keys that were told to Keycafe, and whose answer with their id there was lost. */
import { type KeyId, keyId } from '../../access/model.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { type Key, type KeyFields, keyFieldsSchema } from './wire.ts';

/**
 * Which of them a key of the list is: by the serial number of its fob, which no other key has, else by its name. For one
 * reading: none of them is two keys there.
 */
export function lostKeys(sync: VendorSync): (key: Key) => KeyId | undefined {
  const lost = new Map(
    [...sync.records()].flatMap(([id, record]) => {
      if (record.kind !== 'key' || record.state !== 'creating' || record.ref !== undefined)
        return [];
      const read = keyFieldsSchema.safeParse(sync.fields(id, record));
      return read.success ? [[id, nameOf(read.data)] as const] : [];
    }),
  );
  return (key) => {
    if (sync.idOf('key', key.id) !== undefined) return undefined;
    const [id] = [...lost].find(([, name]) => name === nameOf(key)) ?? [];
    if (id === undefined) return undefined;
    lost.delete(id);
    return keyId(id);
  };
}

function nameOf({ serialNumber, name }: Pick<KeyFields, 'serialNumber' | 'name'>): string {
  return serialNumber == null || serialNumber === '' ? `named ${name}` : `fob ${serialNumber}`;
}
