/** From the buses of the config to what opens them. A radio is no bus of its own: each peripheral on it is. */
import { busWay } from '../../config/bus-way.ts';
import { splitHostAndPort } from '../../config/host-and-port.ts';
import type { Config } from '../../config/schema.ts';
import { deviceId } from '../../drivers/contract/device.ts';
import type { ByteLinkOpener } from '../../drivers/contract/link.ts';
import type { Driver } from '../../drivers/contract/machine.ts';
import type { Clock } from '../../drivers/contract/time.ts';
import type { BusSetting, DeviceSetting } from '../devices/devices.ts';
import type { BusOpener } from '../devices/supervisor.ts';
import type { Radios } from '../platform/ble-backend.ts';
import { gattPeripheral } from '../platform/ble-link.ts';
import { inputOpener } from '../platform/input-link.ts';

export interface OpenerParts {
  readonly clock: Clock;
  readonly catalogue: ReadonlyMap<string, Driver>;
  readonly radios: Pick<Radios, 'get'>;
  /** Told in plain words what would make a port work better. */
  readonly advise: (bus: string, advice: string) => void;
}

/** Buses and devices as they are run: each peripheral of a radio with a bus to itself. */
export interface Wires {
  readonly buses: readonly BusSetting[];
  readonly devices: readonly DeviceSetting[];
}

export function wiresOf(config: Config): Wires {
  const isRadio = (bus: string) => config.buses[bus]?.ble !== undefined;
  const devices = Object.entries(config.devices).map(([id, device]) => ({
    ...device,
    id: deviceId(id),
    bus: isRadio(device.bus) ? ownBus(device.bus, id) : device.bus,
  }));
  const wired = Object.entries(config.buses)
    .filter(([name]) => !isRadio(name))
    .map(([name, bus]) => ({ name, ...bus }));
  const peripherals = Object.entries(config.devices)
    .filter(([, { bus }]) => isRadio(bus))
    .map(([id, { bus }]) => ({ name: ownBus(bus, id) }));
  return { buses: [...wired, ...peripherals], devices };
}

function ownBus(radio: string, device: string): string {
  return `${radio}/${device}`;
}

/** By the name of the bus. */
export function openersOf(config: Config, parts: OpenerParts): ReadonlyMap<string, BusOpener> {
  const openers = new Map<string, BusOpener>();
  for (const [name, bus] of Object.entries(config.buses)) {
    const { way, to } = busWay(bus);
    switch (way) {
      case 'serial':
        openers.set(
          name,
          loadedLate('serial', to, async () => {
            const { serialOpener } = await import('../platform/serial-link.ts');
            return serialOpener({
              path: to,
              baudRate: bus.baudRate ?? factorySpeed(name, config, parts) ?? 9600,
              clock: parts.clock,
              advise: (advice) => parts.advise(name, advice),
            });
          }),
        );
        break;
      case 'tcp':
        openers.set(
          name,
          loadedLate('tcp', to, async () => {
            const { tcpOpener } = await import('../platform/tcp-link.ts');
            return tcpOpener({ ...splitHostAndPort(to), clock: parts.clock });
          }),
        );
        break;
      case 'input':
        openers.set(name, inputOpener({ path: to, clock: parts.clock }));
        break;
      case 'ble':
        for (const [id, { bus: on, driver, options }] of Object.entries(config.devices)) {
          if (on !== name) continue;
          const peripheral = parts.catalogue.get(driver)?.peripheral?.(options);
          if (peripheral === undefined)
            throw new RangeError(`${driver} is no driver of peripherals`);
          const transport = parts.radios.get(to, bus.via);
          openers.set(ownBus(name, id), gattPeripheral({ transport, ...peripheral }));
        }
        break;
      default:
        way satisfies never;
    }
  }
  return openers;
}

function factorySpeed(bus: string, config: Config, { catalogue }: OpenerParts): number | undefined {
  const driver = Object.values(config.devices).find((device) => device.bus === bus)?.driver;
  return driver === undefined ? undefined : catalogue.get(driver)?.defaultBaudRate;
}

/** A site of network gateways needs no native library of serial ports, and the other way round. */
function loadedLate(
  kind: ByteLinkOpener['kind'],
  name: string,
  load: () => Promise<ByteLinkOpener>,
): ByteLinkOpener {
  return { kind, name, open: async (...given) => (await load()).open(...given) };
}
