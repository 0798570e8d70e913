/** What only shows between buses, devices and inputs. */
import { type DeviceId, deviceId, FIRE_HOLD } from '../drivers/contract/device.ts';
import type { DriverEntry, MachineDevice } from '../drivers/contract/machine.ts';
import { busWay } from './bus-way.ts';
import { type Draft, longestHold } from './draft.ts';
import { type FaultList, missing } from './fault-list.ts';
import type { DeviceConfig } from './hardware-schema.ts';

export function checkHardware(draft: Draft, faults: FaultList): void {
  samePort(draft, faults);
  for (const [id, device] of draft.devices) {
    const at = ['devices', id, 'bus'];
    if (!draft.named('buses').has(device.bus)) {
      faults.add(at, `"${device.bus}"`, missing('bus', device.bus, draft.named('buses')));
      continue;
    }
    wrongWay(draft, faults, id, device);
  }
  for (const bus of draft.named('buses')) oneDriver(draft, faults, bus);
  checkInputs(draft, faults);
}

function samePort({ buses }: Draft, faults: FaultList): void {
  const first = new Map<string, string>();
  for (const [name, bus] of buses) {
    const { way, to } = busWay(bus);
    const other = first.get(`${way} ${to}`);
    if (other === undefined) first.set(`${way} ${to}`, name);
    else faults.add(['buses', name, way], `"${to}"`, `another port: bus ${other} has this one`);
  }
}

const WAYS: Readonly<Record<DriverEntry['link'], readonly string[]>> = {
  bytes: ['serial', 'tcp'],
  gatt: ['ble'],
  input: ['input'],
};

function wrongWay(
  { buses, drivers }: Draft,
  faults: FaultList,
  id: string,
  { bus: name, driver }: DeviceConfig,
): void {
  const bus = buses.get(name);
  const entry = drivers.get(driver);
  if (bus === undefined || entry === undefined) return;
  const { way } = busWay(bus);
  const ways = WAYS[entry.link];
  if (ways.includes(way)) return;
  const remedy = `${driver} needs a bus with ${ways.join(' or ')}`;
  faults.add(['devices', id, 'bus'], `"${name}", which has ${way}`, remedy);
}

/** A bus speaks one protocol, and its devices must not answer for one another. */
function oneDriver({ devices, drivers }: Draft, faults: FaultList, bus: string): void {
  const here = [...devices].filter(([, device]) => device.bus === bus);
  const [first] = here;
  if (first === undefined) return;
  const [firstId, { driver }] = first;
  const entry = drivers.get(driver);
  if (entry === undefined) return;
  const others = here.filter(([, device]) => device.driver !== driver);
  for (const [id, other] of others) {
    faults.add(
      ['devices', id, 'driver'],
      `"${other.driver}"`,
      `a bus of its own: bus ${bus} speaks ${driver} (${firstId})`,
    );
  }
  if (others.length > 0) return;
  const same = here.map(
    ([id, { options }]): MachineDevice<unknown> => ({ id: deviceId(id), options }),
  );
  for (const clash of entry.clashes?.(same) ?? []) {
    const name = same.findLast(({ id }) => mentions(clash, id))?.id ?? firstId;
    faults.add(['devices', name], clash, 'devices that can be told apart on their bus');
  }
}

function mentions(text: string, id: DeviceId): boolean {
  return text.split(/[^a-z0-9-]+/).includes(id);
}

function checkInputs(draft: Draft, faults: FaultList): void {
  const taken = new Map<string, number>();
  const boxes = new Set([...draft.accessPoints.values()].map(({ box }) => box));
  for (const [index, input] of draft.inputs) {
    const at = ['inputs', index] as const;
    if (!draft.named('devices').has(input.device)) {
      faults.add(
        [...at, 'device'],
        `"${input.device}"`,
        missing('device', input.device, draft.named('devices')),
      );
    }
    const wire = `${input.device} ${input.input}`;
    const other = taken.get(wire);
    if (other === undefined) taken.set(wire, index);
    else
      faults.add([...at, 'input'], String(input.input), `another: inputs[${other}] has this one`);
    if (input.accessPoint !== undefined && !draft.named('accessPoints').has(input.accessPoint)) {
      faults.add(
        [...at, 'accessPoint'],
        `"${input.accessPoint}"`,
        missing('access point', input.accessPoint, draft.named('accessPoints')),
      );
    }
    for (const [place, lock] of input.locks.entries()) {
      if (!draft.named('devices').has(lock)) {
        faults.add(
          [...at, 'locks', place],
          `"${lock}"`,
          missing('device', lock, draft.named('devices')),
        );
      } else if (boxes.has(lock)) {
        faults.add([...at, 'locks', place], `"${lock}"`, 'a lock: a fire alarm opens no key box');
      } else if ((longestHold(draft, lock) ?? FIRE_HOLD) < FIRE_HOLD) {
        const remedy = `a lock that can be held ${FIRE_HOLD} ms: this one would lock again meanwhile`;
        faults.add([...at, 'locks', place], `"${lock}"`, remedy);
      }
    }
  }
}
