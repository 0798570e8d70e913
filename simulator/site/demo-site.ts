/** A whole site on this machine: broker, hardware on ptys, the daemon as its own process, and the cloud that owns it. */
import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { writeClientKey } from '../../daemon/cloud/client-key.ts';
import { enrol } from '../../daemon/cloud/enrolment.ts';
import { mqttBroker } from '../../daemon/platform/mqtt-broker.ts';
import { realRandom } from '../../daemon/platform/random.ts';
import { type Clock, type Millis, pause } from '../../drivers/contract/time.ts';
import { authorizationText } from '../../drivers/nuki/credentials.ts';
import { toHex } from '../../drivers/wire/hex.ts';
import { EmbeddedBroker } from '../broker.ts';
import { simulatedKinds } from '../devices/catalogue.ts';
import { NukiLock } from '../devices/nuki-lock.ts';
import { type Move, type Simulator, startSimulator } from '../simulator.ts';
import { TcpLine } from '../tcp-line.ts';
import { CAST } from './cast.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { OwnCloud } from './own-cloud.ts';
import { startReadyDaemon } from './ready-daemon.ts';
import { siteFaults } from './site-faults.ts';
import { VendorClouds } from './vendor-clouds.ts';

export const BRIDGE = 'kb-7f3a91';
const CONFIG = resolve(import.meta.dirname, '../../config/demo.yaml');
const ROOT = 'latchkey';
/** Where the command line finds the demo that was started last. */
const WELL_KNOWN = join(tmpdir(), 'latchkey-demo');
const READY_WITHIN: Millis = 30_000;
/** One from elsewhere may run under an emulator. */
const READY_WITHIN_ELSEWHERE: Millis = 300_000;

/** Preferred, so that a page kept open finds its site again; another one where it is taken. */
const PORTS = { broker: 1883, api: 4180, control: 4100, lobby: 4001, radio: 4003 } as const;
const ANY_PORTS = { broker: 0, api: 0, control: 0, lobby: 0, radio: 0 } as const;

export interface DemoOptions {
  readonly clock: Clock;
  readonly say: (line: string) => void;
  /** A folder to keep the site in; without it, one that goes away with the site. */
  readonly directory?: string;
  /** Program and first arguments of a daemon from elsewhere: of a package, under an emulator. */
  readonly daemon?: readonly string[];
  /** On ports that the system picks, and not the one that the command line finds: there may be others. */
  readonly isApart?: boolean;
}

export interface ApiAccess {
  readonly url: string;
  readonly token: string;
}

/** Where clients of a vendor find the box, and with what they are let in. */
export interface Dialects {
  readonly keycafe: { readonly url: string; readonly username: string; readonly password: string };
  readonly seam: { readonly url: string; readonly apiKey: string };
  readonly intserv: { readonly url: string; readonly apiKey: string };
}

export interface DemoSite extends AsyncDisposable {
  readonly directory: string;
  readonly broker: EmbeddedBroker;
  /** Between the box and all that is not on its site: its broker, and the clouds of vendors. */
  readonly line: { cut(): Promise<void>; mend(): Promise<void> };
  readonly simulator: Simulator;
  readonly cloud: OwnCloud;
  readonly api: ApiAccess;
  readonly dialects: Dialects;
  readonly vendors: VendorClouds;
  readonly daemon: DaemonProcess;
}

export async function openDemoSite({
  clock,
  say,
  directory: wanted,
  daemon: command,
  isApart = false,
}: DemoOptions): Promise<DemoSite> {
  await using opening = new AsyncDisposableStack();
  const directory = wanted ?? mkdtempSync(join(tmpdir(), 'latchkey-site-'));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (wanted === undefined)
    opening.defer(() => rmSync(directory, { recursive: true, force: true }));
  const ports = isApart ? ANY_PORTS : PORTS;
  if (!isApart) {
    pointTo(directory);
    opening.defer(() => pointAway(directory));
  }

  const broker = opening.use(await EmbeddedBroker.start({ port: ports.broker }));
  // The box reaches its broker over a line of its own, so that cutting it leaves the cloud where it is.
  const line = opening.use(await TcpLine.lay({ to: { host: '127.0.0.1', port: broker.port } }));
  const token = newSecret();
  const dialects = {
    email: 'demo@example.com',
    keycafe: newSecret(),
    seam: `seam_${newSecret()}`,
    intserv: newSecret(),
  };
  const webhook = { username: 'keycafe', password: newSecret() };
  for (const [file, secret] of [
    ['api-token', token],
    ['keycafe-key', `${dialects.email}/token:${dialects.keycafe}`],
    ['keycafe-webhook', `${webhook.username}:${webhook.password}`],
    ['seam-key', dialects.seam],
    ['intserv-key', dialects.intserv],
  ] as const) {
    writeFileSync(join(directory, file), secret, { mode: 0o600 });
  }
  const vendors = opening.use(
    await VendorClouds.open({
      clock,
      random: realRandom(),
      secrets: { ...dialects, keycafe: `${dialects.email}/token:${dialects.keycafe}` },
    }),
  );
  const variables = {
    LATCHKEY_DIRECTORY: directory,
    BROKER_URL: `mqtt://127.0.0.1:${line.port}`,
    BRIDGE_ID: BRIDGE,
    LOBBY_PORT: String(ports.lobby),
    RADIO_PORT: String(ports.radio),
    KEYCAFE_URL: vendors.urls.keycafe,
    SEAM_URL: vendors.urls.seam,
    INTSERV_URL: vendors.urls.intserv,
  };
  const store = join(directory, 'store');
  const { senders, trustFile } = enrol(
    store,
    BRIDGE,
    ROOT,
    ['cc-story', 'cc-demo', 'ops-demo', 'rec-demo'],
    broker.url,
  );
  renameSync(trustFile, join(directory, 'trust.json'));
  const [story, shell] = senders;
  if (story === undefined || shell === undefined) throw new Error('two senders were enrolled');
  writeClientKey(join(directory, 'cloud-key.json'), shell);
  writeFileSync(join(directory, 'pin-pepper'), randomBytes(32), { mode: 0o600 });
  const config = loadConfig(CONFIG, { variables: new Map(Object.entries(variables)) });
  const started: { daemon?: DaemonProcess } = {};
  const simulator = opening.use(
    await startSimulator({
      description: config,
      directory: join(directory, 'hardware'),
      kinds: simulatedKinds,
      contents: CONTENTS,
      controlPort: ports.control,
      title: 'Hardware of Harbour Street 12, simulated',
      site: siteFaults({ line, daemon: () => started.daemon }),
      clock,
    }),
  );
  const credentials = pairedBefore(simulator, directory);
  const isFirst = new URL(simulator.url).port === String(ports.control);
  // The cloud listens before the box first speaks, so that it hears everything in its order.
  const cloud = opening.use(
    await OwnCloud.join({
      broker: mqttBroker({ url: broker.url }),
      key: story,
      clock,
      random: realRandom(),
    }),
  );
  const { daemon, url } = opening.use(
    await startReadyDaemon({
      ...(command === undefined ? {} : { command }),
      config: CONFIG,
      // The gateway may have found its port taken.
      variables: {
        ...variables,
        LOBBY_PORT: portOf(simulator.addresses['lobby-bus']),
        RADIO_PORT: portOf(simulator.addresses['radio']),
      },
      credentials,
      // Who has the control of the simulator has the API beside it: two demos never want the same one.
      port: isFirst ? ports.api : 0,
      token,
      directory,
      clock,
      say,
      within: command === undefined ? READY_WITHIN : READY_WITHIN_ELSEWHERE,
    }),
  );
  started.daemon = daemon;
  const api = { url, token };
  // As its owner would in the settings of the account.
  vendors.keycafe.addWebhook({ url: `${api.url}/hooks/keycafe`, ...webhook });
  // A command sent before the box listens would have to be sent again.
  while (cloud.client.state === undefined) await pause(clock, 20);
  const answered: Dialects = {
    keycafe: {
      url: `${api.url}/keycafe/v0`,
      username: `${dialects.email}/token`,
      password: dialects.keycafe,
    },
    seam: { url: `${api.url}/seam`, apiKey: dialects.seam },
    intserv: { url: `${api.url}/intserv/v1`, apiKey: dialects.intserv },
  };
  const parts = opening.move();
  return {
    directory,
    broker,
    line: {
      cut: async () => void (await Promise.all([line.cut(), vendors.cut()])),
      mend: async () => void (await Promise.all([line.mend(), vendors.mend()])),
    },
    simulator,
    cloud,
    api,
    dialects: answered,
    vendors,
    daemon,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function newSecret(): string {
  return randomBytes(24).toString('base64url');
}

/** As the installer has, with `latchkey ble pair`; answers where the credentials of the service lie. */
function pairedBefore({ hardware }: Simulator, directory: string): string {
  const lock = hardware.device(CAST.flatLock);
  if (!(lock instanceof NukiLock)) throw new Error('the demo has a lock on the air');
  const key = randomBytes(32);
  const credentials = join(directory, 'credentials');
  mkdirSync(credentials, { recursive: true, mode: 0o700 });
  writeFileSync(
    join(credentials, CAST.flatLock),
    authorizationText(lock.authorize(key, 'Latchkey'), toHex(key), randomBytes(16).toString('hex')),
    { mode: 0o600 },
  );
  return credentials;
}

/** What hangs where before anybody comes. */
const CONTENTS: readonly Move[] = [CAST.flat, CAST.other, CAST.store].map(({ slot, fob }) => ({
  device: 'box',
  verb: 'stock',
  arguments: { slot, fob },
}));

/** Last one started wins; the link is left where somebody else's file has that name. */
function pointTo(directory: string): void {
  const link = `${WELL_KNOWN}-${process.pid}`;
  symlinkSync(directory, link);
  try {
    renameSync(link, WELL_KNOWN);
  } catch (error) {
    rmSync(link, { force: true });
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

/** Unless another demo was started since. */
function pointAway(directory: string): void {
  try {
    if (readlinkSync(WELL_KNOWN) === directory) rmSync(WELL_KNOWN, { force: true });
  } catch (error) {
    // No link any more, or something else by that name: not ours to remove.
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

function portOf(address: string | undefined): string {
  const [, port] = /:(\d+)$/.exec(address ?? '') ?? [];
  if (port === undefined) throw new Error(`${address} names no port of TCP`);
  return port;
}
