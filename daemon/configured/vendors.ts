/** From the vendors of the config to the parts that speak with them, and answer for them. */
import type { Config } from '../../config/schema.ts';
import { readSecretText, type SecretSource } from '../../config/secrets.ts';
import type { Grant } from '../access/model.ts';
import type { VendorDesk, VendorLog } from '../vendors/desk.ts';
import { FidelityWatch } from '../vendors/fidelity-watch.ts';
import type { HttpClient } from '../vendors/http.ts';
import { openIntserv } from '../vendors/intserv/open.ts';
import { openKeycafe } from '../vendors/keycafe/open.ts';
import { openSeam } from '../vendors/seam/open.ts';
import type { VendorPart } from '../vendors/vendor.ts';
import { runAlone, tellingFaults } from '../vendors/vendor-run.ts';

export interface VendorsParts {
  readonly desk: VendorDesk;
  readonly http: HttpClient;
  /** How webhooks of callers of a dialect are called: what such a receiver answers is no witness of the time. */
  readonly toCallers: HttpClient;
  readonly secrets: SecretSource;
  readonly log: VendorLog;
  readonly storageFailed: (error: unknown) => void;
}

export interface Vendors {
  readonly parts: readonly VendorPart[];
  /** From now on; a site without vendors keeps what it is told, or refuses it. */
  tellFidelity(signal: AbortSignal): void;
  /** Each on its own, until the signal; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

interface Common {
  readonly credentials: string;
  readonly connect: boolean;
  readonly dialect: boolean;
  readonly dialectKeys?: string | undefined;
}

/** @throws ConfigError for secrets that are missing */
export function vendorsOf(config: Config, parts: VendorsParts): Vendors {
  const { desk, log, storageFailed } = parts;
  const opened = openedOf(config, parts);
  const judges = () =>
    opened.map((part) => ({
      vendor: part.status.vendor,
      fidelity: (grant: Grant) => part.fidelity(grant),
    }));
  return {
    parts: opened,
    tellFidelity: (signal) => new FidelityWatch({ desk, storageFailed, judges }).follow(signal),
    async run(signal) {
      const { clock, random } = desk;
      await Promise.all(
        opened.map((part) => {
          const broken = tellingFaults(part.status.vendor, desk, log);
          return runAlone({ clock, random, run: (until) => part.run(until), broken }, signal);
        }),
      );
    },
  };
}

function openedOf({ vendors }: Config, parts: VendorsParts): readonly VendorPart[] {
  const { desk, http, toCallers, log } = parts;
  const { keycafe, seam, intserv } = vendors;
  const opened: VendorPart[] = [];
  if (keycafe !== undefined) {
    const { baseUrl, poll, reportExchanges, staleAfter } = keycafe;
    const { keys, locations, bins, keyCodes, memberRoles } = keycafe;
    const webhook = secretOf(keycafe.webhook, 'vendors.keycafe.webhook', parts);
    opened.push(
      openKeycafe({
        desk,
        log,
        http,
        toCallers,
        cloud: keycafe.connect
          ? {
              baseUrl,
              credentials: credentialsOf(keycafe, 'keycafe', parts),
              poll,
              reportExchanges,
              ...(staleAfter === undefined ? {} : { staleAfter }),
              ...(webhook === undefined ? {} : { webhook: webhook() }),
            }
          : undefined,
        dialectKeys: dialectKeysOf(keycafe, 'keycafe', parts),
        places: { keys, locations, bins, keyCodes, memberRoles },
      }),
    );
  }
  if (seam !== undefined) {
    const { baseUrl, poll, staleAfter, devices, entrances, spaces } = seam;
    const webhook = secretOf(seam.webhook, 'vendors.seam.webhook', parts);
    const apiKey = credentialsOf(seam, 'seam', parts);
    opened.push(
      openSeam({
        desk,
        log,
        http,
        toCallers,
        cloud: seam.connect
          ? {
              baseUrl,
              apiKey,
              poll,
              ...(staleAfter === undefined ? {} : { staleAfter }),
              ...(webhook === undefined ? {} : { webhook }),
            }
          : undefined,
        dialectKeys: dialectKeysOf(seam, 'seam', parts),
        places: { devices, entrances, spaces },
      }),
    );
  }
  if (intserv !== undefined) {
    const { baseUrl, poll, levels, codeLength, codeMost } = intserv;
    const apiKey = credentialsOf(intserv, 'intserv', parts);
    opened.push(
      openIntserv({
        desk,
        log,
        cloud: intserv.connect ? { http, baseUrl, apiKey, poll } : undefined,
        dialectKeys: dialectKeysOf(intserv, 'intserv', parts),
        places: { levels, codeLength, ...(codeMost === undefined ? {} : { codeMost }) },
      }),
    );
  }
  return opened;
}

/** Read at each use, so that a key that was changed in its file counts without a restart; wrong ones are told now. */
function credentialsOf(
  { credentials }: Common,
  vendor: string,
  { secrets }: VendorsParts,
): () => string {
  const read = () => readSecretText(credentials, `vendors.${vendor}.credentials`, secrets);
  read();
  return read;
}

function secretOf(
  reference: string | undefined,
  path: string,
  { secrets }: VendorsParts,
): (() => string) | undefined {
  if (reference === undefined) return undefined;
  const read = () => readSecretText(reference, path, secrets);
  read();
  return read;
}

/** One a line; without a file of their own, callers show what we show the vendor. */
function dialectKeysOf(
  { dialect, dialectKeys, credentials }: Common,
  vendor: string,
  { secrets }: VendorsParts,
): readonly string[] | undefined {
  if (!dialect) return undefined;
  return readSecretText(dialectKeys ?? credentials, `vendors.${vendor}.dialectKeys`, secrets)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
