/** The devices that this site shares with Seam, as Seam knows them: whether they are there, reached, and what codes they take. */
import { z } from 'zod';
import { instant } from '../../../drivers/contract/time.ts';
import { toJson } from '../../access/body.ts';
import type { Difference } from '../difference.ts';
import { VendorError } from '../http.ts';
import type { VendorSync } from '../vendor-sync.ts';
import type { SeamClient } from './client.ts';
import type { SeamPlaces } from './places.ts';
import { deviceRow } from './wire.ts';

const CURSOR = 'devices';

const theirSchema = z.object({
  state: z.enum(['online', 'offline', 'missing']),
  /** Milliseconds since 1970. */
  since: z.number(),
  lengths: z.array(z.number()).optional(),
});
export type TheirDevice = Readonly<z.infer<typeof theirSchema>>;
const storedSchema = z.record(z.string(), theirSchema);

/** As last read; empty where it never was. */
export function theirDevices(sync: VendorSync): Readonly<Record<string, TheirDevice>> {
  return storedSchema.safeParse(sync.desk.grants.cursor('seam', CURSOR)).data ?? {};
}

/** @throws VendorError */
export async function readDevices(
  sync: VendorSync,
  client: SeamClient,
  places: SeamPlaces,
  signal: AbortSignal,
): Promise<void> {
  const before = theirDevices(sync);
  const now = sync.desk.clock.now();
  const found = new Map<string, TheirDevice>();
  const put = (id: string, state: TheirDevice['state'], lengths?: readonly number[]) => {
    const since = before[id]?.state === state ? before[id].since : now;
    found.set(id, { state, since, ...(lengths === undefined ? {} : { lengths: [...lengths] }) });
  };
  for (const id of Object.keys(places.devices)) put(id, 'missing');
  try {
    for await (const page of client.pages('/devices/list', {}, 'devices', deviceRow, signal)) {
      for (const device of page) {
        if (device === null || !found.has(device.device_id)) continue;
        const { online, supported_code_lengths } = device.properties;
        put(device.device_id, online === false ? 'offline' : 'online', supported_code_lengths);
      }
    }
  } catch (error) {
    // A key that may not see devices; what it may see is read all the same.
    if (error instanceof VendorError && error.code === 'not-found') return;
    throw error;
  }
  if (signal.aborted) return;
  const value = toJson(Object.fromEntries(found));
  await sync.apply([], { by: 'seam', cursors: [{ name: CURSOR, value }] });
}

/** Devices that Seam does not have or does not reach: what is told to Seam comes to nothing there. */
export function deviceDifferences(sync: VendorSync): readonly Difference[] {
  return Object.entries(theirDevices(sync)).flatMap(([id, { state, since }]): Difference[] => {
    if (state === 'online') return [];
    const common = { vendor: 'seam', kind: 'device', id, ref: id, since: instant(since) } as const;
    return state === 'missing'
      ? [{ ...common, state: 'cannot', detail: 'Seam has no such device' }]
      : [{ ...common, state: 'pending', detail: 'Seam does not reach it' }];
  });
}
