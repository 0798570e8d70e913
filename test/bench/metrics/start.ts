/** From the start of a process: any but the first after an installation, which finds what that one left in its cache. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { bundle } from '../../../daemon/packaging/bundle.ts';
import { openDatabase } from '../../../daemon/store/database.ts';
import { servePty } from '../../../simulator/pty.ts';
import { until } from '../../real-time.ts';
import { configText, goodCode, storeOf } from '../house.ts';
import type { Metric } from '../measure.ts';
import { DirectWire, RelayBoard } from '../relay-board.ts';
import { Home } from '../site.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const SOURCE = join(ROOT, 'daemon/main.ts');
const PACKED = join(ROOT, 'dist/bench');
const SIZE = 100_000;
/**
 * Somebody types while the daemon is still coming up: often, as to wait for the next code is no part of a start, and not
 * so often that several of them are in the port when it is first read.
 */
const TYPED_EVERY_MS = 2;

export const start: Metric = {
  name: 'start',
  unit: 'ms',
  what: 'packaged, from the start of the process until the decision on a code is in the journal; beside node on an empty file',
  goal: { ratio: 1.6, direction: 'at-most' },
  async prepare({ quick }) {
    const site = await standing();
    await packed();
    await site.untilReady(join(PACKED, 'main.mjs'));
    const empty = join(site.directory, 'empty.mjs');
    writeFileSync(empty, '');
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: quick ? 2 : 9,
      isCold: true,
      n: SIZE,
      floor: async () => {
        const before = performance.now();
        await once(spawn(process.execPath, [empty], { stdio: 'ignore' }), 'exit');
        return performance.now() - before;
      },
      ours: () => site.untilDecided(join(PACKED, 'main.mjs')),
      also: () => [{ what: `${site.opened()} of the codes opened`, met: undefined }],
      [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
    };
  },
};

export const startAll: Metric = {
  name: 'start-all',
  unit: 'ms',
  what: 'packaged, from the start of the process until everything is ready; beside the same from source',
  goal: { ratio: 0.6, direction: 'at-most' },
  async prepare({ quick }) {
    const site = await standing();
    await packed();
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: quick ? 1 : 9,
      n: SIZE,
      floor: () => site.untilReady(SOURCE),
      ours: () => site.untilReady(join(PACKED, 'main.mjs')),
      [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
    };
  },
};

let bundled: Promise<unknown> | undefined;

/** The program as it is installed, made once. */
function packed(): Promise<unknown> {
  bundled ??= bundle(PACKED);
  return bundled;
}

/** A site with its grants and its wires; only the daemon is missing. */
async function standing() {
  await using parts = new AsyncDisposableStack();
  const home = parts.use(new Home());
  const store = parts.use(await storeOf(SIZE));
  cpSync(store.path, join(home.path, 'store'), { recursive: true });
  const keypad = new DirectWire('pad-bus');
  const door = new DirectWire('door-bus');
  new RelayBoard(door);
  for (const bus of [keypad, door]) {
    const port = await servePty(bus, { path: join(home.path, bus.name) });
    parts.defer(() => port.close());
  }
  const journal = join(home.path, 'store', 'journal.db');
  let opened = 0;
  const config = join(home.path, 'config.yaml');
  writeFileSync(config, configText(home.path, `api: { listen: 127.0.0.1:${await freePort()} }\n`));
  const owned = parts.move();
  /** As the service manager gives it; each program has its own. */
  const cacheFor = (main: string) => {
    const cache = join(home.path, `cache-${basename(dirname(main))}`);
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    return cache;
  };
  const run = async (main: string, over: (child: ChildProcess) => Promise<unknown>) => {
    const before = performance.now();
    const child = spawn(process.execPath, [main, 'run', '--config', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, CACHE_DIRECTORY: cacheFor(main) },
    });
    const gone = once(child, 'exit');
    const failed = gone.then(([code]) => {
      throw new Error(`the daemon ended with ${code}`);
    });
    await Promise.race([over(child), failed]);
    const spent = performance.now() - before;
    failed.catch(() => {}); // it is meant to end now
    child.kill();
    await gone;
    return spent;
  };
  return {
    directory: home.path,
    opened: () => opened,
    untilReady: (main: string) => run(main, told),
    untilDecided: (main: string) =>
      run(main, async (child) => {
        child.stdout?.resume();
        // Gone before the daemon is: who still has the journal open makes its stop look like a power cut.
        using decisions = decisionsIn(journal);
        const before = decisions.last()?.seq;
        let n = 0;
        const typing = setInterval(() => {
          keypad.say(Buffer.from(`${goodCode(SIZE, n)}B`));
          n += 1;
        }, TYPED_EVERY_MS);
        child.once('exit', () => clearInterval(typing));
        await until(() => decisions.last()?.seq !== before, 30_000);
        clearInterval(typing);
        if (decisions.last()?.type === 'access.granted') opened += 1;
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Looks into the journal from outside. */
function decisionsIn(path: string) {
  const db = openDatabase(path, { readonly: true });
  const last = db.prepare<[], { readonly seq: number; readonly type: string }>(
    `SELECT seq, type FROM (SELECT seq, type FROM entry ORDER BY seq DESC LIMIT 20)
     WHERE type IN ('access.granted', 'access.denied') ORDER BY seq DESC LIMIT 1`,
  );
  return {
    last: () => last.get(),
    [Symbol.dispose]: () => db.close(),
  };
}

async function told(child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new TypeError('its log is read');
  for await (const line of createInterface(child.stdout)) {
    if (line.includes('"started"')) return;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise<void>((done) => server.close(() => done()));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
