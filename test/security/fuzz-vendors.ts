/** Answers of vendors' clouds: whatever they say, the site goes on, and tells at most that it could not read it. */

import { UndiciClient } from '../../daemon/platform/http-client.ts';
import type { HttpCall, HttpClient, HttpReply } from '../../daemon/vendors/http.ts';
import { SimulatedClock } from '../../simulator/clock.ts';
import { seededRandom } from '../../simulator/random.ts';
import { VendorClouds } from '../../simulator/site/vendor-clouds.ts';
import { type SimulatedSite, simulatedSite, VENDOR_SECRET } from '../site.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const VENDORS = ['keycafe', 'seam', 'intserv'] as const;
const POLL_MS = 5000;
/** Each is answered once in every run of the tests, and some minutes of the site's time pass with it. */
const SEEDS = 2;

/** Answers as the real clouds do, until it is told what to answer instead. */
class BentClient implements HttpClient {
  readonly heard = new Map<string, string[]>();
  readonly #real = new UndiciClient();
  readonly #urls: Readonly<Record<string, string>>;
  #instead: { readonly vendor: string; readonly body: string; readonly status: number } | undefined;
  asked = 0;

  constructor(urls: Readonly<Record<string, string>>) {
    this.#urls = urls;
  }

  /** From now on `vendor` says this; the others are away. */
  answer(vendor: string, body: string, status: number): void {
    this.#instead = { vendor, body, status };
    this.asked = 0;
  }

  async send(call: HttpCall): Promise<HttpReply> {
    const vendor = VENDORS.find((each) => call.url.startsWith(this.#urls[each] ?? 'none'));
    if (this.#instead === undefined) {
      const reply = await this.#real.send(call);
      const all = this.heard.get(vendor ?? '') ?? [];
      this.heard.set(vendor ?? '', [...all, reply.body]);
      return reply;
    }
    if (vendor !== this.#instead.vendor) throw new Error('away');
    this.asked += 1;
    const { status, body } = this.#instead;
    return { status, body, headers: { 'content-type': 'application/json' } };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#real[Symbol.asyncDispose]();
  }
}

/** A site that keeps three clouds in step and answers their clients. */
export async function vendorSite(): Promise<{
  readonly site: SimulatedSite;
  readonly targets: readonly FuzzTarget[];
}> {
  const clock = new SimulatedClock();
  const secrets = { keycafe: VENDOR_SECRET, seam: VENDOR_SECRET, intserv: VENDOR_SECRET };
  const clouds = await VendorClouds.open({ clock, random: seededRandom(6), secrets });
  const { urls } = clouds;
  const http = new BentClient(urls);
  const site = await simulatedSite({
    seed: 71,
    http: () => http,
    // A box that is asked less often lets time pass sooner.
    change: (config) => {
      const box = config.devices['box'];
      if (box === undefined) throw new Error('there is a box');
      const options = { ...Object(box.options), pollMs: 1000 };
      return { ...config, devices: { ...config.devices, box: { ...box, options } } };
    },
    vendors: `accessLevels: { residents: [ { kind: key, id: flat-7 } ] }
vendors:
  keycafe: { baseUrl: "${urls.keycafe}", credentials: "file:FOLDER/vendor-key", poll: 5s, dialect: true, webhook: "file:FOLDER/vendor-key", keys: { 5007: flat-7 }, locations: { 1: lobby } }
  seam: { baseUrl: "${urls.seam}", credentials: "file:FOLDER/vendor-key", poll: 5s, dialect: true, webhook: "file:FOLDER/vendor-key", devices: { 11111111-1111-4111-8111-000000000003: { kind: key, id: flat-3 } } }
  intserv: { baseUrl: "${urls.intserv}", credentials: "file:FOLDER/vendor-key", poll: 5s, dialect: true, levels: { 22222222-2222-4222-8222-000000000001: residents } }
`,
  });
  for (let poll = 0; poll < 6; poll += 1) {
    await site.advance(POLL_MS);
    // Their answers come over sockets, in real time.
    for (let turn = 0; turn < 40; turn += 1) await new Promise<void>((go) => setImmediate(go));
  }
  await clouds[Symbol.asyncDispose]();
  await http[Symbol.asyncDispose]();
  const targets = VENDORS.map((vendor) => answersOf(vendor, site, http));
  return { site, targets };
}

function answersOf(vendor: string, site: SimulatedSite, http: BentClient): FuzzTarget {
  const seeds = (http.heard.get(vendor) ?? []).filter((body) => body.length > 1);
  return {
    name: `${vendor}-answers`,
    seeds: [...new Set(seeds)].slice(0, SEEDS).map((body) => Buffer.from(body)),
    runs: 3,
    async run(input) {
      const status = (input[0] ?? 0) % 16 === 0 ? 500 : 200;
      http.answer(vendor, Buffer.from(input).toString(), status);
      const pulses = site.pulseCount;
      // Also where it waits longer after what it could not read.
      for (let turn = 0; turn < 70 && http.asked === 0; turn += 1) await site.advance(POLL_MS);
      await site.advance(POLL_MS);
      if (site.pulseCount !== pulses) throw new Error('a door moved');
      if (!site.daemon.desk.journal.isSafe) throw new Error('the store is not well');
      const part = site.daemon.vendors.find(({ status: each }) => each.vendor === vendor);
      return `${part?.status.online} ${part?.status.drift} ${http.asked}`;
    },
  };
}
