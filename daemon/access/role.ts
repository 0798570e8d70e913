/** Where a device stands, and what it is there. */
import type { DeviceEvent, DeviceId } from '../../drivers/contract/device.ts';
import type { DeviceRole } from './knowledge.ts';
import type { AccessPoint } from './model.ts';
import type { KnowledgePorts } from './site-facts.ts';

/** One device may be several things (a lock with a keypad); what it says decides which is meant. */
export function roleOf(
  event: DeviceEvent,
  { site }: KnowledgePorts,
): { readonly point: AccessPoint; readonly role: DeviceRole } | undefined {
  const { device } = event;
  const points = site.accessPoints;
  if (event.kind === 'card-read' || event.kind === 'card-malformed') {
    for (const point of points) {
      const slot = [...point.slotReaders].find(([, reader]) => reader === device)?.[0];
      if (slot !== undefined) return { point, role: { kind: 'slot-reader', slot } };
    }
  }
  if (event.kind === 'input') {
    const inputs = site.inputs.filter((each) => each.device === device);
    const mine = inputs.filter(({ input }) => input === event.input);
    const at = mine.find((each) => each.accessPoint !== undefined)?.accessPoint;
    const point = points.find(({ id }) => id === at) ?? points.find((each) => isAt(each, device));
    const any = point ?? points[0];
    if (mine.length > 0 && any !== undefined)
      return { point: any, role: { kind: 'input', inputs: mine } };
  }
  if ('slot' in event) {
    const point =
      points.find(({ box }) => box?.device === device && box.slots.includes(event.slot)) ??
      points.find(({ box }) => box?.device === device);
    return point === undefined ? undefined : { point, role: { kind: 'box' } };
  }
  const isShowing = event.kind === 'card-read' || event.kind === 'card-malformed';
  if (isShowing || event.kind === 'code-entered' || event.kind === 'keypad') {
    const point = points.find(({ readers }) => readers.includes(device));
    return point === undefined ? undefined : { point, role: { kind: 'reader' } };
  }
  const point = points.find((each) => isAt(each, device));
  if (point === undefined) return undefined;
  if (point.box?.device === device) return { point, role: { kind: 'box' } };
  return { point, role: { kind: point.locks.includes(device) ? 'lock' : 'reader' } };
}

/** Configured points do not change, so that each is looked through once. */
const devicesAt = new WeakMap<AccessPoint, readonly DeviceId[]>();

export function devicesOf(point: AccessPoint): readonly DeviceId[] {
  const held = devicesAt.get(point);
  if (held !== undefined) return held;
  const { box, locks, readers, slotReaders } = point;
  const all = [...readers, ...locks, ...slotReaders.values(), ...(box ? [box.device] : [])];
  const devices = [...new Set(all)];
  devicesAt.set(point, devices);
  return devices;
}

export function isAt(point: AccessPoint, device: DeviceId | undefined): boolean {
  return device !== undefined && devicesOf(point).includes(device);
}
