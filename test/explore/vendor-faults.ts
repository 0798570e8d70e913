/** Links to vendors that break, and clouds that say what they should not. */
import type { CloudFault, CloudRequest } from '../../simulator/clouds/common.ts';
import type { Life } from './life.ts';
import { VENDORS } from './vendor-world.ts';

export function vendorTrouble(life: Life): void {
  life.say(troubled(life));
}

function troubled(life: Life): string {
  const vendor = life.one(VENDORS);
  const server = life.world.server(vendor);
  switch (life.draw(6)) {
    case 0:
    case 1:
      server.isAway = !server.isAway;
      return `${vendor} is ${server.isAway ? 'away' : 'back'}`;
    case 2: {
      const faults = Array.from({ length: 1 + life.draw(4) }, () => oneFault(life));
      for (const fault of faults)
        server.fail(fault, fault.kind === 'stale' ? isReading : undefined);
      return `${vendor}: ${faults.map((fault) => JSON.stringify(fault)).join(' ')}`;
    }
    case 3:
      server.latency = life.chance(0.6) ? life.draw(14_000) : 0;
      return `${vendor} answers after ${server.latency} ms`;
    case 4: {
      const upset = { copies: 1 + life.draw(3), after: life.draw(30_000) };
      const { keycafe, seam } = life.world;
      keycafe.webhooks.upset(upset);
      seam.sender?.upset(upset);
      seam.skew = life.chance(0.2) ? life.draw(900_000) - 450_000 : 0;
      return `webhooks: ${JSON.stringify(upset)}, skew ${seam.skew}`;
    }
    default:
      if (life.chance(0.3)) {
        for (const system of life.world.intserv.systems) system.fails = 'CodeNotEnabled';
        return 'a system behind intserv takes no codes';
      }
      life.world.mend();
      return 'the vendors are mended';
  }
}

function oneFault(life: Life): CloudFault {
  return life.one<CloudFault>([
    { kind: 'cut' },
    { kind: 'lost-answer' },
    { kind: 'silent' },
    { kind: 'half' },
    { kind: 'stale' },
    { kind: 'status', status: life.one([500, 502, 503, 504]) },
    { kind: 'status', status: 429, retryAfter: String(life.draw(90)) },
    { kind: 'status', status: life.one([401, 403]) },
  ]);
}

/** A cache gives old answers to questions only. */
function isReading({ method, path }: CloudRequest): boolean {
  return method === 'GET' || /\/(list|get|status)$/.test(path);
}
