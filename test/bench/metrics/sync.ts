/** What we are told: whole pictures, changes, and finding that nothing changed. */
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GRANTS_MIGRATIONS, migrate, openDatabase } from '../../../daemon/store/database.ts';
import { bucketOf } from '../../../daemon/store/digest.ts';
import { grantInsert } from '../../../daemon/store/grant-insert.ts';
import { pause } from '../../../drivers/contract/time.ts';
import { clock } from '../clocks.ts';
import { digestOf, fill, grantOf, grantsOf, rowOf } from '../grants.ts';
import { GrantsSender } from '../grants-process.ts';
import { Folder, goodCode, type House, houseOf, indexerHere, openHouse } from '../house.ts';
import { type Metric, quantile } from '../measure.ts';

/** The same grants as rows of the same tables, one after the other, in one transaction. */
class PlainInsert implements Disposable {
  readonly #folder = new Folder();
  readonly #indexer = indexerHere();

  /** Milliseconds for `count` grants; making them is not counted, as with ours. */
  run(count: number): number {
    const path = join(this.#folder.path, 'plain.db');
    for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
    const db = openDatabase(path);
    db.pragma('cache_size = -16000');
    migrate(db, GRANTS_MIGRATIONS);
    const insert = grantInsert(db);
    let spent = 0;
    const timed = <Result>(body: () => Result): Result => {
      const before = performance.now();
      const result = body();
      spent += performance.now() - before;
      return result;
    };
    timed(() => db.exec('BEGIN'));
    for (let from = 0; from < count; from += 1000) {
      const some = grantsOf(Math.min(1000, count - from), this.#indexer, from);
      timed(() => {
        for (const grant of some) insert(bucketOf(grant.id), rowOf(grant));
      });
    }
    timed(() => db.exec('COMMIT'));
    db.close();
    return spent;
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

/** Bytes that this process and its threads have handed to the disk. */
function bytesWritten(): number {
  const found = /^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'));
  return Number(found?.[1] ?? Number.NaN);
}

const WRITTEN_MOST = 1.2;
/** What `snapshot` took on both sides, which a short run measures once. */
let plainOnce: number | undefined;
let wholeOnce: number | undefined;

export const snapshot: Metric = {
  name: 'snapshot',
  unit: 'ms',
  what: 'parsed grants until decisions read the new file; beside plain inserts of the same into the same tables in one transaction',
  goal: { ratio: 0.45, direction: 'at-most' },
  async prepare({ grants, quick }) {
    const indexer = indexerHere();
    const plain = new PlainInsert();
    let written = 0;
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: quick ? 1 : 3,
      isCold: true,
      n: grants,
      floor: () => {
        plainOnce = plain.run(grants);
        return plainOnce;
      },
      ours: async () => {
        using folder = new Folder();
        await using house = await openHouse(folder.path);
        const before = bytesWritten();
        const spent = await fill(await house.grants.snapshot('cloud', 'bench'), grants, indexer);
        written = (bytesWritten() - before) / statSync(String(house.grants.place)).size;
        wholeOnce = spent;
        return spent;
      },
      also: () => [
        {
          what: `bytes written are ${written.toFixed(2)} of the file's, at most ${WRITTEN_MOST}`,
          met: written <= WRITTEN_MOST,
        },
      ],
      [Symbol.asyncDispose]: async () => plain[Symbol.dispose](),
    };
  },
};

export const delta: Metric = {
  name: 'delta',
  unit: 'ms',
  what: 'one in a hundred grants changed, until decisions read it; beside plain inserts of all',
  goal: { ratio: 0.05, direction: 'at-most' },
  async prepare({ grants, quick }) {
    await using parts = new AsyncDisposableStack();
    const house = parts.use(await houseOf(grants));
    const plain = parts.use(new PlainInsert());
    const owned = parts.move();
    const once = quick ? (plainOnce ?? plain.run(grants)) : undefined;
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: 3,
      isCold: true,
      n: grants,
      floor: () => once ?? plain.run(grants),
      ours: async (n) => {
        const changes = Array.from({ length: grants / 100 }, (_, each) => ({
          kind: 'put' as const,
          grant: grantOf(each * 100 + n, house.indexer, n + 2),
        }));
        const before = performance.now();
        const result = await house.grants.write({
          source: 'cloud',
          changes,
          version: { from: house.grants.version('cloud'), to: n + 2 },
        });
        if (result.kind !== 'written') throw new Error('the version fits');
        return performance.now() - before;
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

/**
 * Decisions every 5 ms until `over`, whether or not those before are on the disk; their 99th percentile, counted from
 * when each was due.
 */
async function p99While(house: House, size: number, over: () => boolean): Promise<number> {
  const waits: number[] = [];
  const all: Promise<void>[] = [];
  let due = performance.now();
  for (let n = 0; !over(); n++) {
    due += 5;
    const at = due;
    await pause(clock, Math.max(0, at - performance.now()));
    all.push(
      house.record(goodCode(size, n)).then((end) => {
        waits.push(performance.now() - at);
        return end();
      }),
    );
  }
  await Promise.all(all);
  return quantile(waits, 0.99);
}

export const syncUndisturbed: Metric = {
  name: 'sync-undisturbed',
  unit: 'ms',
  what: 'p99 of durable decisions every 5 ms while a full picture comes in; beside the same while nothing does',
  goal: { ratio: 1.2, direction: 'at-most' },
  async prepare({ grants, quick }) {
    await using parts = new AsyncDisposableStack();
    // As large before as after: what is measured is the coming, not the size.
    const size = 10_000;
    const digest = digestOf(grants);
    const house = parts.use(await houseOf(size));
    const sender = parts.use(await GrantsSender.start());
    // Without a sync as long as the last one took: what comes now and then is in a long time and not in a short one. With
    // nothing going on the percentile of 24 s was half as much again as that of the 8 s before them (a busy machine).
    let watched = quick ? 1000 : 20_000;
    // The first one starts the journal's thread: those due meanwhile would be the quiet percentile of a short round.
    await (await house.record(goodCode(size, 0)))();
    const owned = parts.move();
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: quick ? 1 : 3,
      isCold: true,
      n: grants,
      floor: () => {
        const end = performance.now() + watched;
        return p99While(house, size, () => performance.now() > end);
      },
      ours: async (n) => {
        let over = false;
        const before = performance.now();
        const whole = { count: grants, version: n + 2, digest };
        const arriving = comesIn(house, sender, whole).finally(() => {
          over = true;
          if (!quick) watched = performance.now() - before;
        });
        const [p99] = await Promise.all([p99While(house, size, () => over), arriving]);
        return p99;
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

/** Parts of a hundred, each acknowledged before the next, as the own cloud sends them; then all of it at once. */
async function comesIn(
  house: House,
  sender: GrantsSender,
  whole: { readonly count: number; readonly version: number; readonly digest: string },
): Promise<void> {
  const size = 100;
  const { version, digest } = whole;
  const parts = whole.count / size;
  const builder = await house.grants.snapshot('cloud', `bench-${version}`);
  for (let part = 0; part < parts; part++) {
    await builder.part(part + 1, await sender.grants({ from: part * size, count: size }));
    await pause(clock, 0);
  }
  const outcome = await builder.commit({ parts, version, digest });
  if (outcome.kind !== 'applied') throw new Error(`the snapshot is ${outcome.kind}`);
}

export const resyncSame: Metric = {
  name: 'resync-same',
  unit: 'ms',
  what: 'finding by digests that nothing has changed; beside the snapshot',
  goal: { ratio: 0.01, direction: 'at-most' },
  async prepare({ grants, quick }) {
    await using parts = new AsyncDisposableStack();
    const house = parts.use(await houseOf(grants));
    const owned = parts.move();
    const indexer = indexerHere();
    const whole = async () => {
      using folder = new Folder();
      await using empty = await openHouse(folder.path);
      return await fill(await empty.grants.snapshot('cloud', 'bench'), grants, indexer);
    };
    const once = quick ? (wholeOnce ?? (await whole())) : undefined;
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: 3,
      isCold: true,
      n: grants,
      floor: () => once ?? whole(),
      // What `grants.compare` answers: version, count, digest and the sums of all ranges.
      ours: () =>
        void [
          house.grants.version('cloud'),
          house.grants.count('cloud'),
          house.grants.digest('cloud'),
          house.grants.digestBuckets('cloud'),
        ],
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};
