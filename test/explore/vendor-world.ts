/**
 * The clouds of the three vendors beside a life, reached in its own time, so that a seed is one story with them too.
 * Their calls, and those to them, keep the port at which the daemon takes a client: no socket, no real time.
 */
import type { DialectRoute } from '../../daemon/vendors/dialect.ts';
import type { HttpCall, HttpClient, HttpReply } from '../../daemon/vendors/http.ts';
import {
  type Clock,
  type Millis,
  pause,
  type Random,
  randomInteger,
  uptime,
} from '../../drivers/contract/time.ts';
import type { CloudServer } from '../../simulator/clouds/common.ts';
import { IntservCloud } from '../../simulator/clouds/intserv.ts';
import { KeycafeCloud } from '../../simulator/clouds/keycafe.ts';
import { SeamCloud } from '../../simulator/clouds/seam.ts';
import { FLAT_KEY, READ_KEY, STORE_KEY, VENDOR_SECRET } from '../site.ts';
import { handed } from './front-desk.ts';

export const VENDORS = ['keycafe', 'seam', 'intserv'] as const;
export type VendorName = (typeof VENDORS)[number];

export const KEYCAFE_KEY = 5003;
export const SEAM_DEVICE = '11111111-1111-4111-8111-000000000003';
export const LEVEL = '22222222-2222-4222-8222-000000000001';

/** What each vendor's things open. */
export const OPENS = {
  keycafe: FLAT_KEY,
  seam: STORE_KEY,
  intserv: READ_KEY,
} as const;

/** `vendors:` of the config; each host is a port that nobody listens at. */
export function vendorsText(poll: string): string {
  const common = `credentials: "file:FOLDER/vendor-key", poll: ${poll}, dialect: true`;
  const hook = 'webhook: "file:FOLDER/vendor-key"';
  return `accessLevels: { residents: [ { kind: key, id: ${OPENS.intserv.key} } ] }
vendors:
  keycafe: { baseUrl: "http://127.0.0.1:1/v0", ${common}, ${hook}, keys: { ${KEYCAFE_KEY}: ${OPENS.keycafe.key} }, locations: { 1: lobby } }
  seam: { baseUrl: "http://127.0.0.1:2", ${common}, ${hook}, devices: { ${SEAM_DEVICE}: { kind: key, id: ${OPENS.seam.key} } } }
  intserv: { baseUrl: "http://127.0.0.1:3/v1", ${common}, levels: { ${LEVEL}: residents } }
`;
}

/** What the daemon's own client waits for. */
const ANSWERED_WITHIN: Millis = 10_000;
const SLOWEST: Millis = 600;

export class VendorWorld implements HttpClient {
  readonly keycafe: KeycafeCloud;
  readonly seam: SeamCloud;
  readonly intserv: IntservCloud;
  /** Routes of the box, while it runs. */
  box: () => readonly DialectRoute[] | undefined = () => undefined;
  /** Calls under way break off now and then. */
  calls = 0;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.keycafe = new KeycafeCloud({
      ...{ clock, random, credentials: VENDOR_SECRET },
      post: ({ url, headers, body }) => this.#atBox(url, headers, body),
    });
    this.keycafe.addKey({ id: KEYCAFE_KEY, name: 'Flat 3', location: 1, homeLocation: 1 });
    const [username = '', password = ''] = VENDOR_SECRET.split(':');
    this.keycafe.addWebhook({ url: '/hooks/keycafe', username, password });
    this.seam = new SeamCloud({
      ...{ clock, random, apiKey: VENDOR_SECRET, pageSize: 3 },
      webhook: {
        secret: VENDOR_SECRET,
        post: ({ headers, body }) => this.#atBox('/hooks/seam', headers, body),
      },
    });
    this.seam.devices.add(SEAM_DEVICE);
    this.intserv = new IntservCloud({ clock, random, apiKey: VENDOR_SECRET });
    this.intserv.addLevel(LEVEL, 'Residents');
  }

  server(vendor: VendorName): CloudServer {
    return this[vendor].server;
  }

  async send(call: HttpCall): Promise<HttpReply> {
    const vendor = VENDORS[Number(new URL(call.url).port) - 1];
    if (vendor === undefined) throw new Error('no vendor is there');
    this.calls += 1;
    await pause(this.#clock, randomInteger(this.#random, SLOWEST), call.signal);
    call.signal.throwIfAborted();
    const late = new AbortController();
    const end = uptime(this.#clock.uptime() + ANSWERED_WITHIN);
    const timer = this.#clock.wakeAt(end, () => late.abort());
    try {
      const signal = AbortSignal.any([call.signal, late.signal]);
      return await this.server(vendor).near({ ...call, signal });
    } finally {
      timer.cancel();
    }
  }

  /** Every link and every cloud is well again. */
  mend(): void {
    for (const vendor of VENDORS) {
      this.server(vendor).mend();
      this.server(vendor).latency = 0;
    }
    this.seam.skew = 0;
    for (const system of this.intserv.systems) delete system.fails;
  }

  async #atBox(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<number> {
    const routes = this.box();
    if (routes === undefined) throw new Error('the box does not run');
    return (await handed(routes, { method: 'POST', path, headers, body })).status;
  }
}
