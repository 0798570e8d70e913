/** From ports to knowledge: the only reading of store and site that a decision makes. */
import type { DeviceEvent } from '../../drivers/contract/device.ts';
import type { Command } from './command.ts';
import type { Stamp } from './entry.ts';
import type { Knowledge } from './knowledge.ts';
import type { KnowledgePorts } from './site-facts.ts';

/** For one event of a device. */
export function gather(_event: DeviceEvent, ports: KnowledgePorts, stamp: Stamp): Knowledge {
  return nothingKnown(ports, stamp);
}

/** For one command. */
export function gatherForCommand(
  _command: Command,
  ports: KnowledgePorts,
  stamp: Stamp,
): Knowledge {
  return nothingKnown(ports, stamp);
}

/** For the whole site: timers and start. */
export function gatherForTimer(ports: KnowledgePorts, stamp: Stamp): Knowledge {
  return nothingKnown(ports, stamp);
}

function nothingKnown({ site, state }: KnowledgePorts, stamp: Stamp): Knowledge {
  const { zone, clockUntrusted, auditFull, holidays, lockout, antiPassbackMinutes } = site.policies;
  return {
    bridge: site.bridge,
    alone: site.alone ?? false,
    tzdata: state.tzdata,
    policies: {
      zone,
      clockUntrusted,
      auditFull,
      holidays,
      accessLevels: {},
      lockout,
      antiPassbackMinutes,
    },
    matches: [],
    keys: [],
    slots: [],
    openings: [],
    keypads: [],
    lockdowns: [],
    areaOnline: false,
    online: [],
    storageSafe: state.storageSafe,
    now: { boot: stamp.boot, uptime: stamp.uptime, startedAt: state.startedAt },
    doors: [],
  };
}
