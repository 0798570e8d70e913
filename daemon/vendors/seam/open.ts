/** Seam as one part of the daemon: connector, dialect and webhook over one sync. */
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
import { SeamConnector } from './connector.ts';
import { dialectParts, seamDialect } from './dialect.ts';
import type { SeamPlaces } from './places.ts';
import { remarksOn } from './remarks.ts';
import { ReservationWatch } from './reservation-watch.ts';
import { webhookRoute } from './webhook.ts';
import { WebhookCourier } from './webhook-courier.ts';

export interface OpenSeam {
  readonly desk: VendorDesk;
  readonly log: VendorLog;
  readonly http: HttpClient;
  /** How webhooks of callers are called, if by other means than the cloud. */
  readonly toCallers?: HttpClient;
  /** `undefined`: no cloud is kept in step, only the dialect answers. */
  readonly cloud:
    | {
        /** `https://connect.getseam.com` */
        readonly baseUrl: string;
        readonly apiKey: () => string;
        readonly poll: Millis;
        /** What Seam gave refuses when nothing was read there for so long. */
        readonly staleAfter?: Millis;
        /** `whsec_…` of the webhook that calls `/hooks/seam`. */
        readonly webhook?: () => string;
      }
    | undefined;
  /** What callers of the dialect show, each beginning with `seam_`; `undefined` where there is no dialect. */
  readonly dialectKeys: readonly string[] | undefined;
  readonly places: SeamPlaces;
}

export function openSeam(options: OpenSeam): VendorPart {
  const { desk, log, http, cloud, dialectKeys, places, toCallers = http } = options;
  const sync = new VendorSync('seam', desk);
  const connector =
    cloud === undefined ? undefined : new SeamConnector({ sync, places, log, http, ...cloud });
  const wake = () => connector?.wake();
  const parts = dialectParts({ sync, places, isConnected: cloud !== undefined });
  const courier = new WebhookCourier(parts, toCallers);
  const routes: DialectRoute[] = [];
  if (dialectKeys !== undefined) {
    const changed = () => {
      wake();
      courier.wake();
    };
    routes.push(...seamDialect({ sync, apiKeys: () => dialectKeys, changed }, parts));
  }
  if (cloud?.webhook !== undefined && connector !== undefined) {
    routes.push(
      webhookRoute({
        secret: cloud.webhook,
        clock: () => desk.stamp().clock,
        heard: (event) => connector.hear(event),
        refused: (verdict) => log('webhook-refused', { vendor: 'seam', verdict }),
      }),
    );
  }
  return {
    routes,
    get status() {
      return connector?.status ?? dialectOnly(sync);
    },
    differences: () => connector?.differences() ?? differencesOf(sync),
    fidelity: (grant) => remarksOn(grant, sync, places),
    wake,
    run: async (signal) => {
      if (connector === undefined) await sync.recover();
      const guard =
        cloud?.staleAfter === undefined ? undefined : new StaleGuard(sync, cloud.staleAfter);
      const watch = new ReservationWatch(parts, (message) => log('storage-failed', { message }));
      await together(signal, [
        (inner) => connector?.run(inner),
        (inner) => guard?.run(inner),
        (inner) => watch.run(inner),
        (inner) => (dialectKeys === undefined ? undefined : courier.run(inner)),
      ]);
    },
  };
}
