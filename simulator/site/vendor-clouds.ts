/** The clouds of the three vendors beside the demo, each over a line of its own that can be cut with the internet. */
import type { Clock, Random } from '../../drivers/contract/time.ts';
import { IntservCloud } from '../clouds/intserv.ts';
import { KeycafeCloud } from '../clouds/keycafe.ts';
import { SeamCloud } from '../clouds/seam.ts';
import { TcpLine } from '../tcp-line.ts';
import { CAST } from './cast.ts';

export interface VendorCloudsOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** What their clients show: `EMAIL/token:TOKEN` and two API keys. */
  readonly secrets: { readonly keycafe: string; readonly seam: string; readonly intserv: string };
}

export class VendorClouds implements AsyncDisposable {
  readonly keycafe: KeycafeCloud;
  readonly seam: SeamCloud;
  readonly intserv: IntservCloud;
  readonly #lines: readonly TcpLine[];

  private constructor(
    clouds: Pick<VendorClouds, 'keycafe' | 'seam' | 'intserv'>,
    lines: readonly TcpLine[],
  ) {
    this.keycafe = clouds.keycafe;
    this.seam = clouds.seam;
    this.intserv = clouds.intserv;
    this.#lines = lines;
  }

  static async open({ clock, random, secrets }: VendorCloudsOptions): Promise<VendorClouds> {
    const keycafe = new KeycafeCloud({ clock, random, credentials: secrets.keycafe });
    const seam = new SeamCloud({ clock, random, apiKey: secrets.seam });
    const intserv = new IntservCloud({ clock, random, apiKey: secrets.intserv });
    const { vendorKey, level, seamDevices } = CAST.there;
    keycafe.addKey({ id: vendorKey, name: 'Flat 7', location: 1, homeLocation: 1 });
    for (const id of seamDevices) seam.devices.add(id);
    intserv.addLevel(level, 'Residents');
    const lines: TcpLine[] = [];
    for (const { server } of [keycafe, seam, intserv]) {
      await server.listen();
      const to = { host: '127.0.0.1', port: Number(new URL(server.url).port) };
      lines.push(await TcpLine.lay({ to }));
    }
    return new VendorClouds({ keycafe, seam, intserv }, lines);
  }

  /** As the box reaches them: over the lines. */
  get urls(): { readonly keycafe: string; readonly seam: string; readonly intserv: string } {
    const [keycafe, seam, intserv] = this.#lines.map(({ port }) => `http://127.0.0.1:${port}`);
    return { keycafe: `${keycafe}/v0`, seam: String(seam), intserv: `${intserv}/v1` };
  }

  async cut(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.cut()));
  }

  async mend(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.mend()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
    for (const cloud of [this.keycafe, this.seam, this.intserv]) await cloud[Symbol.asyncDispose]();
  }
}
