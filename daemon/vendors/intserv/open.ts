/** IntServ as one part of the daemon: connector and dialect over one sync. */
import type { Millis } from '../../../drivers/contract/time.ts';
import { dialectOnly } from '../connector.ts';
import type { VendorDesk, VendorLog } from '../desk.ts';
import { differencesOf } from '../difference.ts';
import type { HttpClient } from '../http.ts';
import type { VendorPart } from '../vendor.ts';
import { VendorSync } from '../vendor-sync.ts';
import { IntservConnector } from './connector.ts';
import { intservRoutes } from './dialect.ts';
import type { IntservPlaces } from './mapping.ts';
import { remarksOn } from './remarks.ts';

export interface OpenIntserv {
  readonly desk: VendorDesk;
  readonly log: VendorLog;
  /** `undefined`: no cloud is told, only the dialect answers. */
  readonly cloud:
    | {
        readonly http: HttpClient;
        readonly baseUrl: string;
        readonly apiKey: () => string;
        readonly poll: Millis;
      }
    | undefined;
  /** What callers of the dialect show; `undefined` where there is no dialect. */
  readonly dialectKeys: readonly string[] | undefined;
  readonly places: IntservPlaces;
}

export function openIntserv(options: OpenIntserv): VendorPart {
  const { desk, log, cloud, dialectKeys, places } = options;
  const sync = new VendorSync('intserv', desk);
  const connector =
    cloud === undefined ? undefined : new IntservConnector({ sync, places, log, ...cloud });
  const wake = () => connector?.wake();
  return {
    routes:
      dialectKeys === undefined
        ? []
        : intservRoutes({ sync, places, keys: dialectKeys, changed: wake }),
    get status() {
      return connector?.status ?? dialectOnly(sync);
    },
    differences: () => differencesOf(sync),
    fidelity: (grant) => remarksOn(grant, sync, places),
    wake,
    run: async (signal) => {
      if (connector === undefined) await sync.recover();
      else await connector.run(signal);
    },
  };
}
