/** From the buses of the config to what opens them. */
import { busWay } from '../config/hardware-schema.ts';
import type { Config } from '../config/schema.ts';
import { splitHostAndPort } from '../config/values.ts';
import type { DriverEntry } from '../drivers/contract/machine.ts';
import type { Clock } from '../drivers/contract/time.ts';
import type { BusOpener } from './devices/supervisor.ts';
import { inputOpener } from './platform/input-link.ts';
import { serialOpener } from './platform/serial-link.ts';
import { tcpOpener } from './platform/tcp-link.ts';

export interface OpenerParts {
  readonly clock: Clock;
  readonly catalogue: ReadonlyMap<string, DriverEntry>;
  /** Told in plain words what would make a port work better. */
  readonly advise: (bus: string, advice: string) => void;
}

/** By the name of the bus. Radios are opened per peripheral, elsewhere. */
export function openersOf(
  config: Config,
  { clock, catalogue, advise }: OpenerParts,
): ReadonlyMap<string, BusOpener> {
  const openers = new Map<string, BusOpener>();
  for (const [name, bus] of Object.entries(config.buses)) {
    const { way, to } = busWay(bus);
    const driver = Object.values(config.devices).find((device) => device.bus === name)?.driver;
    const factory = driver === undefined ? undefined : catalogue.get(driver)?.defaultBaudRate;
    switch (way) {
      case 'serial':
        openers.set(
          name,
          serialOpener({
            path: to,
            baudRate: bus.baudRate ?? factory ?? 9600,
            clock,
            advise: (advice) => advise(name, advice),
          }),
        );
        break;
      case 'tcp':
        openers.set(name, tcpOpener({ ...splitHostAndPort(to), clock }));
        break;
      case 'input':
        openers.set(name, inputOpener({ path: to, clock }));
        break;
      case 'ble':
        break;
      default:
        way satisfies never;
    }
  }
  return openers;
}
