/** What the panel and API callers look through. */
import { join } from 'node:path';
import { Accounts } from '../../../daemon/local-api/accounts.ts';
import type { ApiRoute } from '../../../daemon/local-api/endpoint.ts';
import { ENTRIES_A_LOOK, GRANTS_A_LOOK } from '../../../daemon/local-api/panel/looks.ts';
import { localApi } from '../../../daemon/local-api/server.ts';
import { Sessions } from '../../../daemon/local-api/sessions.ts';
import { Tokens } from '../../../daemon/local-api/tokens.ts';
import { openDatabase } from '../../../daemon/store/database.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { wire } from '../../../daemon/wiring.ts';
import { clock, random } from '../clocks.ts';
import { entriesOf } from '../entries.ts';
import { fill } from '../grants.ts';
import { configIn, indexerHere, stampNow } from '../house.ts';
import { type Metric, quantile } from '../measure.ts';
import { Home, outside } from '../site.ts';

const GRANTS = 100_000;
const PAGE = 100;
const FIRST_CONTENT_MS = 100;
const TOKEN = 'token-of-the-bench';

export const lists: Metric = {
  name: 'lists',
  unit: 'ms',
  what: 'a page of the journal and one of the grants as JSON, through the API; beside the bare query and JSON.stringify of the same rows',
  goal: { ratio: 1.5, direction: 'at-most' },
  async prepare({ quick }) {
    await using parts = new AsyncDisposableStack();
    const home = parts.use(new Home());
    const store = join(home.path, 'store');
    const entries = quick ? 20_000 : 1_000_000;
    await fillJournal(store, entries);
    const openers = new Map(
      ['pad-bus', 'door-bus'].map(
        (name) => [name, { kind: 'simulated', name, open: never }] as const,
      ),
    );
    const daemon = parts.use(
      await wire(configIn(home.path), outside({ openers, broker: undefined })),
    );
    const { desk } = daemon;
    const grants = quick ? 20_000 : GRANTS;
    await fill(await desk.grants.snapshot('cloud', 'bench'), grants, indexerHere());
    const call = caller(
      localApi({
        desk,
        tokens: new Tokens([{ name: 'bench', scope: 'read', token: TOKEN }], undefined, clock),
        accounts: new Accounts(undefined, random),
        sessions: new Sessions(clock, random),
        panelOpening: false,
        broken: (error) => {
          throw error;
        },
      }),
    );
    const bare = parts.use(bareQueries(store, place(desk.grants)));
    const owned = parts.move();
    const waits: number[] = [];
    const searches = quick ? 5 : 20;
    const found = await searchWaits(call, searches);
    return {
      perRound: quick ? 40 : 200,
      turns: 'each',
      n: entries,
      floor: (n) => void [bare.entries(entries - n * PAGE), bare.grants()],
      ours: async (n) => {
        const before = performance.now();
        await call('/api/v1/journal', { before: String(entries - n * PAGE + 1) });
        waits.push(performance.now() - before);
        await call('/api/v1/grants', {});
        return performance.now() - before;
      },
      also: () => [
        {
          what: `first content within ${FIRST_CONTENT_MS} ms (p99 ${quantile(waits, 0.99).toFixed(1)} ms)`,
          met: quantile(waits, 0.99) <= FIRST_CONTENT_MS,
        },
        {
          what: `first content of a search for what is rare or nowhere, as the panel asks it (p90 ${quantile(found, 0.9).toFixed(1)} ms)`,
          met: quantile(found, 0.9) <= FIRST_CONTENT_MS,
        },
      ],
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

/** Milliseconds until the first answer of each search; the thread that answers is started before. */
async function searchWaits(
  call: (path: string, query: Readonly<Record<string, string>>) => Promise<string>,
  count: number,
): Promise<readonly number[]> {
  const asked = [
    ['/api/v1/journal', { text: 'nowhere-at-all', most: String(ENTRIES_A_LOOK) }],
    ['/api/v1/journal', { types: 'security.duress', most: String(ENTRIES_A_LOOK) }],
    ['/api/v1/grants', { text: 'nowhere-at-all', most: String(GRANTS_A_LOOK) }],
    ['/api/v1/grants', { target: 'key-12', most: String(GRANTS_A_LOOK) }],
    ['/api/v1/holders', {}],
    ['/api/v1/holders', { text: 'nowhere' }],
    ['/api/v1/keys', {}],
  ] as const;
  const waits: number[] = [];
  for (let turn = 0; turn <= count; turn++) {
    for (const [path, query] of asked) {
      const before = performance.now();
      await call(path, query);
      if (turn > 0) waits.push(performance.now() - before);
    }
  }
  return waits;
}

/** Nothing of this daemon is run. */
function never(): Promise<never> {
  return Promise.reject(new Error('no bus is opened'));
}

function place(grants: object): string {
  const found = 'place' in grants ? grants.place : undefined;
  if (typeof found !== 'string') throw new TypeError('the grants are on the disk');
  return found;
}

function caller(routes: readonly ApiRoute[]) {
  return async (path: string, query: Readonly<Record<string, string>>) => {
    const route = routes.find((each) => each.method === 'GET' && each.path === path);
    if (route === undefined) throw new Error(`there is no ${path}`);
    const { status, body } = await route.handle({
      method: 'GET',
      url: path,
      params: {},
      query,
      headers: { authorization: `Bearer ${TOKEN}` },
      body: undefined,
      cookies: {},
      remote: '127.0.0.1',
      isEncrypted: false,
      signal: new AbortController().signal,
    });
    if (status !== 200) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`);
    return typeof body === 'string' ? body : JSON.stringify(body);
  };
}

function bareQueries(directory: string, grantsFile: string) {
  const journal = openDatabase(join(directory, 'journal.db'), { readonly: true });
  const told = openDatabase(grantsFile, { readonly: true });
  const entries = journal.prepare<[number], unknown>(
    `SELECT seq, id, type, at, state, device, sub, body, lower(hex(hash)) AS hash FROM entry
     WHERE seq <= +? ORDER BY seq DESC LIMIT ${PAGE}`,
  );
  const grants = told.prepare<[], unknown>(
    `SELECT id, source, rev, holder, starts, ends, doc, lower(hex(code)) AS code FROM grants ORDER BY bucket, id LIMIT ${PAGE}`,
  );
  return {
    entries: (upTo: number) => JSON.stringify(entries.all(upTo)),
    grants: () => JSON.stringify(grants.all()),
    [Symbol.dispose]: () => {
      journal.close();
      told.close();
    },
  };
}

async function fillJournal(directory: string, count: number): Promise<void> {
  const { journal } = await openJournal({ directory, clock, random });
  await using _ = journal;
  const size = 2000;
  for (let done = 0; done < count; done += size) {
    const entries = entriesOf(Math.min(size, count - done), done);
    await journal.append({ stamp: stampNow(), entries }).committed;
  }
}
