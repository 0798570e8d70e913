/** Keycafe as one part of the daemon: connector, dialect and webhook over one sync. */
import type { Millis } from '../../../drivers/contract/time.ts';
import { dialectOnly } from '../connector.ts';
import type { VendorDesk, VendorLog } from '../desk.ts';
import type { DialectRoute } from '../dialect.ts';
import { differencesOf } from '../difference.ts';
import type { HttpClient } from '../http.ts';
import { StaleGuard } from '../stale-guard.ts';
import type { VendorPart } from '../vendor.ts';
import { together } from '../vendor-run.ts';
import { VendorSync } from '../vendor-sync.ts';
import { KeycafeConnector } from './connector.ts';
import { KeycafeDialect } from './dialect.ts';
import { remarksOn } from './remarks.ts';
import type { KeycafePlaces } from './thing.ts';
import { webhookRoute } from './webhook.ts';

export interface OpenKeycafe {
  readonly desk: VendorDesk;
  readonly log: VendorLog;
  /** How Keycafe, and the webhooks of callers, are called. */
  readonly http: HttpClient;
  /** How webhooks of callers are called, if by other means than the cloud. */
  readonly toCallers?: HttpClient;
  /** `undefined`: no cloud is kept in step, only the dialect answers. */
  readonly cloud:
    | {
        readonly baseUrl: string;
        readonly credentials: () => string;
        readonly poll: Millis;
        readonly reportExchanges: boolean;
        /** What Keycafe gave refuses when nothing was read there for so long. */
        readonly staleAfter?: Millis;
        /** `USERNAME:PASSWORD` that Keycafe shows when it calls us. */
        readonly webhook?: string;
      }
    | undefined;
  /** What callers of the dialect show; `undefined` where there is no dialect. */
  readonly dialectKeys: readonly string[] | undefined;
  readonly linkBase?: string;
  readonly places: KeycafePlaces;
}

export function openKeycafe(options: OpenKeycafe): VendorPart {
  const { desk, log, http, toCallers = http, cloud, dialectKeys, places, linkBase } = options;
  const sync = new VendorSync('keycafe', desk);
  const connector =
    cloud === undefined ? undefined : new KeycafeConnector({ sync, places, log, http, ...cloud });
  const wake = () => connector?.wake();
  const routes: DialectRoute[] = [];
  const link = linkBase === undefined ? {} : { linkBase };
  const dialect =
    dialectKeys === undefined
      ? undefined
      : new KeycafeDialect({
          sync,
          places,
          http: toCallers,
          credentials: dialectKeys,
          changed: wake,
          ...link,
        });
  routes.push(...(dialect?.routes() ?? []));
  if (cloud?.webhook !== undefined) {
    routes.push(webhookRoute({ secret: cloud.webhook, heard: wake }));
  }
  return {
    routes,
    get status() {
      return connector?.status ?? dialectOnly(sync);
    },
    differences: () => differencesOf(sync),
    fidelity: (grant) => remarksOn(grant, sync, places),
    wake,
    run: async (signal) => {
      if (connector === undefined) await sync.recover();
      const guard =
        cloud?.staleAfter === undefined ? undefined : new StaleGuard(sync, cloud.staleAfter);
      await together(signal, [
        (inner) => connector?.run(inner),
        (inner) => guard?.run(inner),
        (inner) => dialect?.run(inner),
      ]);
    },
  };
}
