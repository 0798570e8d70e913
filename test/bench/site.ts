/** The whole daemon as `latchkey run` wires it, on ptys, with a board at the other end of one and keys at another. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { grantId } from '../../daemon/access/model.ts';
import type { Broker } from '../../daemon/cloud/broker.ts';
import type { ClientKeyFile } from '../../daemon/cloud/client-key.ts';
import { enrol } from '../../daemon/cloud/enrolment.ts';
import { serialOpener } from '../../daemon/platform/serial-link.ts';
import { type Daemon, type Outside, wire } from '../../daemon/wiring.ts';
import { instant } from '../../drivers/contract/time.ts';
import { servePty } from '../../simulator/pty.ts';
import { until } from '../real-time.ts';
import { clock, random } from './clocks.ts';
import { fill, grantOf } from './grants.ts';
import { configIn, Folder, indexerHere, PEPPER } from './house.ts';
import { DirectWire, RelayBoard } from './relay-board.ts';

export const BRIDGE = 'kb-7f3a91';
export const GRANTS = 1000;
/** A board rests between two openings: who opens often does so at one after the other. */
export const DOORS = Array.from({ length: 8 }, (_, n) => `flat-${n + 1}`);

const CLOUD = `
cloud:
  mqtt:
    url: mqtt://127.0.0.1:1
    bridgeId: ${BRIDGE}
    trust: DIRECTORY/store/trust.json
    drainPerSecond: unlimited
    connectSpread: 0s
    snapshotSpread: 0s
`;

/** The parts of `Outside` that are the same for every daemon here. */
export function outside(more: Pick<Outside, 'openers' | 'broker'>): Outside {
  return {
    clock,
    random,
    secrets: { credentialsDirectory: undefined },
    log: () => {},
    http: { send: () => Promise.reject(new Error('no vendor is reached from here')) },
    lastTimeContact: () => clock.now(),
    versions: { latchkey: 'bench' },
    watchdog: { alive: () => {}, every: undefined },
    builtAt: instant(Date.UTC(2026, 0, 1)),
    ...more,
  };
}

/** A home for a daemon: its directory with the pepper in it. */
export class Home extends Folder {
  constructor() {
    super();
    mkdirSync(join(this.path, 'store'), { mode: 0o700 });
    writeFileSync(join(this.path, 'pepper'), PEPPER, { mode: 0o600 });
  }
}

export interface RunningSite extends AsyncDisposable {
  readonly home: Home;
  readonly daemon: Daemon;
  readonly keypad: DirectWire;
  readonly board: RelayBoard;
  /** Types a code but for its end, then waits until it is the last key's turn. */
  type(digits: string): void;
  /** Presses the key that ends a code. */
  end(): void;
  /** Who may send commands, where there is a broker. */
  readonly sender: ClientKeyFile;
}

export async function runningSite(broker?: Broker): Promise<RunningSite> {
  await using parts = new AsyncDisposableStack();
  const home = parts.use(new Home());
  const { path } = home;
  const [sender] = enrol(join(path, 'store'), BRIDGE, 'latchkey', ['cc-bench']).senders;
  if (sender === undefined) throw new TypeError('a sender is enrolled');
  const keypad = new DirectWire('pad-bus');
  const door = new DirectWire('door-bus');
  const board = new RelayBoard(door);
  for (const bus of [keypad, door]) {
    const port = await servePty(bus, { path: join(path, bus.name) });
    parts.defer(() => port.close());
  }
  const config = configIn(path, DOORS, broker === undefined ? '' : CLOUD);
  const serial = (name: string) =>
    [name, serialOpener({ path: join(path, name), baudRate: 115_200, clock })] as const;
  const openers = new Map([serial('pad-bus'), serial('door-bus')]);
  const daemon = parts.use(await wire(config, outside({ openers, broker })));
  await fill(await daemon.desk.grants.snapshot('cloud', 'bench'), GRANTS, indexerHere());
  await daemon.desk.grants.write({ source: 'local', changes: DOORS.map(toDoor) });
  const stopping = new AbortController();
  const running = daemon.run(stopping.signal);
  parts.defer(async () => {
    stopping.abort();
    await running;
  });
  const key = (text: string) => keypad.say(Buffer.from(text));
  const site = {
    type: (digits: string) => key(digits),
    end: () => key('B'), // 4 bits, as the driver takes them: B is #
  };
  await firstOpening(site, board);
  const owned = parts.move();
  return {
    home,
    daemon,
    keypad,
    board,
    ...site,
    sender,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The code of the nth opening: each door has its own. */
export function doorCode(n: number): string {
  return `9${(n % DOORS.length) + 1}8173`;
}

function toDoor(door: string, n: number) {
  const indexer = indexerHere();
  const plain = grantOf(n * 2, indexer);
  const [credential] = plain.credentials;
  if (credential === undefined) throw new TypeError('a guest has a code');
  return {
    kind: 'put' as const,
    grant: {
      ...plain,
      id: grantId(`to-${door}`),
      source: { vendor: 'local' as const, ref: door, version: '1' },
      credentials: [{ ...credential, index: indexer.pin(doorCode(n)), digits: 6 }],
      targets: [{ kind: 'lock' as const, id: door }],
    },
  };
}

const RETRY_MS = 100;

/** Everything is there once a code has opened the door. */
async function firstOpening(
  site: { type(digits: string): void; end(): void },
  board: RelayBoard,
): Promise<void> {
  let isOpen = false;
  board.switched = () => {
    isOpen = true;
  };
  let n = 0;
  let next = 0;
  await until(() => {
    if (!isOpen && performance.now() > next) {
      next = performance.now() + RETRY_MS;
      site.type(doorCode(n));
      site.end();
      n += 1;
    }
    return isOpen;
  }, 20_000);
}

/** Resolves when the board is asked to open. */
export function opened(board: RelayBoard): Promise<void> {
  return new Promise((resolve) => {
    board.switched = () => resolve();
  });
}
