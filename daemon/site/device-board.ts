/** The latest that each device said of itself, for people and for the cloud's retained state. */
import type {
  DeviceEvent,
  DeviceFault,
  DeviceId,
  LockState,
} from '../../drivers/contract/device.ts';
import type { Driver, DriverAbilities } from '../../drivers/contract/machine.ts';
import type { Instant } from '../../drivers/contract/time.ts';
import type { LedgerView } from '../access/ledger.ts';
import type { WireDeviceState } from '../cloud/messages.ts';
import type { DeviceSetting, DeviceStatus } from '../devices/devices.ts';
import type { DeviceView } from '../local-api/desk.ts';

interface Said {
  lock?: LockState;
  tamper?: boolean;
  battery?: number;
  doorOpen?: boolean;
  readonly faults: Set<DeviceFault>;
}

export interface BoardParts {
  readonly devices: readonly DeviceSetting[];
  readonly catalogue: ReadonlyMap<string, Driver>;
  readonly ledger: LedgerView;
  readonly online: () => ReadonlySet<DeviceId>;
  readonly status: () => readonly DeviceStatus[];
}

export class DeviceBoard {
  readonly #parts: BoardParts;
  #said: ReadonlyMap<DeviceId, Said> = new Map();
  #abilities: ReadonlyMap<DeviceId, DriverAbilities | undefined> = new Map();

  constructor(parts: BoardParts) {
    this.#parts = parts;
    this.rewire(parts.devices);
  }

  /** These are the devices now; what was said by those that stay is kept. */
  rewire(devices: readonly DeviceSetting[]): void {
    const before = this.#said;
    this.#said = new Map(devices.map(({ id }) => [id, before.get(id) ?? { faults: new Set() }]));
    this.#abilities = new Map(
      devices.map(({ id, driver, options }) => [
        id,
        this.#parts.catalogue.get(driver)?.abilities(options),
      ]),
    );
  }

  /** Answers whether anybody who watches the device should hear of it. */
  hear(event: DeviceEvent): boolean {
    const said = this.#said.get(event.device);
    if (said === undefined) return false;
    switch (event.kind) {
      case 'lock-state':
        said.lock = event.state;
        return true;
      case 'tamper':
        said.tamper = event.state === 'raised';
        return true;
      case 'battery':
        said.battery = event.percent;
        return true;
      case 'door-contact':
        said.doorOpen = event.isOpen;
        return true;
      case 'fault':
        if (event.state === 'raised') said.faults.add(event.fault);
        else said.faults.delete(event.fault);
        return true;
      case 'online':
      case 'offline':
      case 'slot-door':
      case 'slot-presence':
        return true;
      default:
        return false;
    }
  }

  views(): readonly DeviceView[] {
    const online = this.#parts.online();
    return this.#parts.status().map((status) => {
      const said = this.#said.get(status.device);
      const power = this.#abilities.get(status.device)?.onPowerLoss;
      return {
        id: status.device,
        driver: status.driver,
        bus: status.bus,
        port: status.port,
        online: online.has(status.device),
        link: status.link,
        detail: status.detail,
        ...(status.lastProof === undefined ? {} : { lastProofMs: status.lastProof }),
        ...(status.identity === '' ? {} : { identity: status.identity }),
        statistics: status.statistics,
        queued: status.queued,
        ...(said?.lock === undefined ? {} : { lockState: said.lock }),
        ...(said?.battery === undefined ? {} : { batteryPercent: said.battery }),
        ...(said?.tamper === undefined ? {} : { tamper: said.tamper }),
        ...(power === undefined ? {} : { onPowerLoss: power }),
      };
    });
  }

  /** As published, retained: nothing of a person in it. */
  wire(now: Instant): readonly WireDeviceState[] {
    const online = this.#parts.online();
    return this.#parts.status().map((status) => {
      const said = this.#said.get(status.device);
      const slots = this.#slots(status.device);
      const { lastSeen: _seen, ...statistics } = status.statistics;
      return {
        v: 1,
        ts: now,
        dev: status.device,
        driver: status.driver,
        link: online.has(status.device) ? 'up' : 'down',
        proofAgeMs: status.lastProof === undefined ? null : Math.round(status.lastProof),
        ...(said?.lock === undefined ? {} : { lock: said.lock }),
        ...(said?.doorOpen === undefined ? {} : { door: said.doorOpen ? 'open' : 'closed' }),
        ...(said?.tamper === undefined ? {} : { tamper: said.tamper }),
        ...(said?.battery === undefined ? {} : { battery: said.battery }),
        ...(said === undefined || said.faults.size === 0 ? {} : { faults: [...said.faults] }),
        ...(slots === undefined ? {} : { slots }),
        statistics,
      };
    });
  }

  #slots(device: DeviceId): WireDeviceState['slots'] {
    if (this.#abilities.get(device)?.slots !== true) return undefined;
    const prefix = `${device}:`;
    const slots: Record<string, { open?: boolean; key?: boolean }> = {};
    for (const [id, { doorOpen, present }] of this.#parts.ledger.all('slot')) {
      if (!id.startsWith(prefix)) continue;
      slots[id.slice(prefix.length)] = {
        ...(doorOpen === undefined ? {} : { open: doorOpen }),
        ...(present === undefined ? {} : { key: present }),
      };
    }
    return slots;
  }
}
