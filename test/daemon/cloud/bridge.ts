/** One bridge for a test: its keys, and a light site that uses them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientKeyFile } from '../../../daemon/cloud/client-key.ts';
import { type Enrolment, enrol } from '../../../daemon/cloud/enrolment.ts';
import { TrustStore } from '../../../daemon/cloud/trust-store.ts';
import {
  type LightSite,
  type LightSiteParts,
  openLightSite,
} from '../../../simulator/site/light-site.ts';

export const BRIDGE = 'kb-7f3a91';

export type Bridge = LightSite;
export type BridgeOptions = Omit<LightSiteParts, 'bridge' | 'identity' | 'trust'>;

/** What a bridge keeps outside its databases, over restarts. */
export class Home implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'latchkey-cloud-'));
  readonly enrolment: Enrolment;

  constructor() {
    this.enrolment = enrol(join(this.directory, 'keys'), BRIDGE, 'latchkey', [
      'cc-test',
      'ops-test',
      'rec-test',
    ]);
  }

  sender(kid: string): ClientKeyFile {
    const found = this.enrolment.senders.find((each) => each.kid === kid);
    if (found === undefined) throw new Error(`no sender ${kid}`);
    return found;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function openBridge(home: Pick<Home, 'enrolment'>, parts: BridgeOptions): Promise<Bridge> {
  const { identity, trustFile } = home.enrolment;
  return openLightSite({ bridge: BRIDGE, identity, trust: TrustStore.open(trustFile), ...parts });
}
