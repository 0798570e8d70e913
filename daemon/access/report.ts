/** What devices say of themselves: recorded as it comes, decided by nobody. */
import type { DeviceEvent } from '../../drivers/contract/device.ts';
import { plain } from './body.ts';
import type { Entry, EntryType, Json } from './entry.ts';
import type { Knowledge } from './knowledge.ts';

type Report = Extract<
  DeviceEvent,
  {
    kind:
      | 'tamper'
      | 'power'
      | 'battery'
      | 'identity'
      | 'online'
      | 'offline'
      | 'fault'
      | 'device-log'
      | 'code-memory';
  }
>;

export function entryOfReport(event: Report, known: Knowledge): Entry {
  const { device } = event;
  const entry = (
    type: EntryType,
    fields: { readonly [name: string]: Json | undefined },
  ): Entry => ({
    type,
    device,
    body: plain({ accessPoint: known.point?.id, ...fields }),
  });
  switch (event.kind) {
    case 'online':
      return entry('device.online', {});
    case 'offline':
      return entry('device.offline', { why: event.why });
    case 'tamper':
      return event.state === 'raised'
        ? entry('device.tamper', { alarm: true })
        : entry('device.tamper_cleared', {});
    case 'power':
      return event.state === 'rebooted'
        ? entry('device.restarted', {})
        : entry('device.power', { state: event.state });
    case 'battery': {
      const { percent, critical } = event;
      return entry('device.battery', { percent, critical, alarm: critical ? true : undefined });
    }
    case 'identity': {
      const { model, serial, firmware } = event;
      return entry('device.identity', { model, serial, firmware });
    }
    case 'fault': {
      const { fault, detail } = event;
      return event.state === 'raised'
        ? entry('device.fault', { fault, detail })
        : entry('device.fault_cleared', { fault });
    }
    case 'device-log': {
      const { index, at, action, by, detail } = event;
      return entry('device.log', { index, at, action, by, detail });
    }
    case 'code-memory': {
      const { actuation, state } = event;
      return entry('device.code_memory', { actuation, entry: event.entry, state });
    }
    default:
      return event satisfies never;
  }
}
