/** One vendor as the wiring joins it: both directions over one sync. */
import type { Grant } from '../access/model.ts';
import type { ConnectorStatus } from './connector.ts';
import type { DialectRoute } from './dialect.ts';
import type { Difference } from './difference.ts';
import type { Remark } from './fidelity.ts';

export interface VendorPart {
  /** Routes of the dialect and of webhooks; empty where neither is wanted. */
  readonly routes: readonly DialectRoute[];
  readonly status: ConnectorStatus;
  /** What the two sides do not have in common, oldest first. */
  differences(): readonly Difference[];
  /** What this vendor can and cannot keep of a grant; `undefined` where the grant does not concern it. */
  fidelity(grant: Grant): readonly Remark[] | undefined;
  /** Until the signal; never rejects for what the vendor does. */
  run(signal: AbortSignal): Promise<void>;
  wake(): void;
}
