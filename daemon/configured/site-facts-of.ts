/** From what the operator wrote to what the rules know: the configured part of the site. */
import type { Config } from '../../config/schema.ts';
import {
  type DeviceId,
  deviceId,
  type SlotNumber,
  slotNumber,
} from '../../drivers/contract/device.ts';
import type { Driver } from '../../drivers/contract/machine.ts';
import { type AccessPoint, accessPointId, type Policies } from '../access/model.ts';
import type { InputRole, SiteFacts } from '../access/site-facts.ts';

export function siteFactsOf(config: Config, catalogue: ReadonlyMap<string, Driver>): SiteFacts {
  return {
    id: config.site.id,
    bridge: config.cloud?.mqtt.bridgeId ?? config.site.id,
    alone: config.site.alone,
    accessPoints: Object.entries(config.accessPoints).map(([id, point]) =>
      accessPoint(id, point, config, catalogue),
    ),
    keypads: new Set(
      Object.entries(config.devices)
        .filter(([, { driver, options }]) => catalogue.get(driver)?.abilities(options).codes)
        .map(([id]) => deviceId(id)),
    ),
    inputs: config.inputs.map(inputRole),
    policies: policiesOf(config),
  };
}

function accessPoint(
  id: string,
  point: Config['accessPoints'][string],
  config: Config,
  catalogue: ReadonlyMap<string, Driver>,
): AccessPoint {
  const area = point.area;
  return {
    id: accessPointId(id),
    ...(point.box === undefined
      ? {}
      : {
          box: {
            device: deviceId(point.box),
            slots: (point.slots?.map(slotNumber) ?? slotsOf(point.box, config, catalogue)).toSorted(
              (a, b) => a - b,
            ),
            disabledSlots: point.disabledSlots.map(slotNumber),
          },
        }),
    locks: point.locks.map(deviceId),
    readers: point.readers.map(deviceId),
    slotReaders: new Map<SlotNumber, DeviceId>(
      Object.entries(point.slotReaders).map(([slot, reader]) => [
        slotNumber(Number(slot)),
        deviceId(reader),
      ]),
    ),
    ...(area === undefined
      ? {}
      : {
          area: {
            enters: area.enters,
            ...(area.leaves === undefined ? {} : { leaves: area.leaves }),
          },
        }),
    hold: point.holdMs,
    heldOpenAfter: point.heldOpenMs,
  };
}

/** All that the box has, where the config does not say which are in use. */
function slotsOf(
  box: string,
  config: Config,
  catalogue: ReadonlyMap<string, Driver>,
): readonly SlotNumber[] {
  const device = config.devices[box];
  const entry = device === undefined ? undefined : catalogue.get(device.driver);
  return entry?.slots?.(device?.options) ?? [];
}

function inputRole(input: Config['inputs'][number]): InputRole {
  return {
    device: deviceId(input.device),
    input: input.input,
    does: input.does,
    ...(input.accessPoint === undefined ? {} : { accessPoint: accessPointId(input.accessPoint) }),
    locks: input.locks.map(deviceId),
  };
}

function policiesOf({ site, accessLevels }: Config): Policies {
  const { policies } = site;
  return {
    zone: site.zone,
    clockUntrusted: policies.clockUntrusted,
    graceHours: policies.graceHours,
    auditFull: policies.auditFull,
    holidays: policies.holidays,
    accessLevels: new Map(Object.entries(accessLevels)),
    lockout: policies.lockout,
    antiPassbackMinutes: policies.antiPassbackMinutes,
  };
}
