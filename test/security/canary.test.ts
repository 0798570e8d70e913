/**
 * P10 by search: secrets that are planted in a site's story are looked for, in every spelling that somebody might give
 * them, in everything that leaves the daemon or stays on its disk.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../../simulator/random.ts';
import { OwnCloud } from '../../simulator/site/own-cloud.ts';
import { Exchange } from '../daemon/cloud/cloud-and-bridge.ts';
import { ApiBench } from '../daemon/local-api/bench.ts';
import { minutes, READ_KEY, STORE_KEY } from '../site.ts';

/** Long enough not to turn up by chance in a file of some hundred kilobytes. */
const PINS = {
  'sent by the cloud': '7391552648',
  'put over the API': '8046213975',
  'mistyped by a guest': '9173046528',
  'of a duress code': '6620194835',
} as const;
const FOBS = {
  'of a holder': '1F00644BB6',
  'nobody knows': '2A00C0FFEE',
  'of a key': STORE_KEY.fob,
  'of a key in a slot with a reader': READ_KEY.fob,
} as const;

interface Needle {
  readonly what: string;
  readonly bytes: Buffer;
}

function needles(directory: string): readonly Needle[] {
  const text = (what: string, ...spellings: readonly string[]) =>
    spellings.map((each) => ({ what: `${what} as ${each}`, bytes: Buffer.from(each) }));
  const encoded = (what: string, secret: string) =>
    text(
      what,
      secret,
      ...['base64', 'base64url', 'hex'].map((as) =>
        Buffer.from(secret)
          .toString(as as 'hex')
          .replace(/=+$/, ''),
      ),
    );
  const pins = Object.entries(PINS).flatMap(([whose, pin]) => encoded(`the PIN ${whose}`, pin));
  const fobs = Object.entries(FOBS).flatMap(([whose, fob]) => {
    const what = `the fob ${whose}`;
    const raw = Buffer.from(fob, 'hex');
    return [
      ...encoded(what, fob),
      ...text(
        what,
        fob.toLowerCase(),
        raw.toString('base64').replace(/=+$/, ''),
        String(BigInt(`0x${fob}`)),
      ),
      { what: `${what} as bytes`, bytes: raw },
    ];
  });
  const keys = ['signing-key', 'sealing-key'].flatMap((name) => {
    const { d }: { d: string } = JSON.parse(
      readFileSync(join(directory, 'keys', `${name}.json`), 'utf8'),
    );
    return [
      ...text(`the ${name}`, d),
      { what: `the ${name} as bytes`, bytes: Buffer.from(d, 'base64url') },
    ];
  });
  const pepper = readFileSync(join(directory, 'pepper'));
  return [
    ...pins,
    ...fobs,
    ...keys,
    { what: 'the pepper', bytes: pepper },
    ...text('the pepper', pepper.toString('hex')),
  ];
}

/** Every file below, with what is in it. */
function filesIn(directory: string): readonly (readonly [string, Buffer])[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesIn(path) : [[path, readFileSync(path)] as const];
  });
}

/** A JWS is searched by what it says, too. */
function opened(payload: Uint8Array): Buffer {
  const text = Buffer.from(payload).toString();
  const parts = text.split('.').filter((part) => /^[A-Za-z0-9_-]+$/.test(part));
  return Buffer.concat([
    Buffer.from(payload),
    ...parts.map((part) => Buffer.from(part, 'base64url')),
  ]);
}

function found(where: string, hay: Buffer, all: readonly Needle[]): readonly string[] {
  return all.filter(({ bytes }) => hay.includes(bytes)).map(({ what }) => `${what} in ${where}`);
}

test('P10: no planted PIN, fob number or key is found in log, topics, databases, backups or API answers', async () => {
  const exchange = new Exchange();
  await using bench = await ApiBench.open({ onDisk: true, broker: exchange });
  const { site } = bench;
  const [sender] = site.enrolment.senders;
  assert.ok(sender);
  await using cloud = await site.settling(
    OwnCloud.join({ broker: exchange, key: sender, clock: site.clock, random: seededRandom(7) }),
  );
  await site.advance(minutes(1));
  const all = needles(site.directory);
  assert.deepEqual(found('itself', Buffer.from(`x${FOBS['of a holder']}y`), all).length, 1);

  const lies: string[] = [];
  /** What is no secret is found by the same search, or the search is worth nothing. */
  const known = { what: 'the lobby', bytes: Buffer.from('"lobby"') };
  const plain: string[] = [];
  const ask = async (...[method, url, call]: Parameters<ApiBench['raw']>) => {
    const answer = await bench.raw(method, url, call);
    const { body, ...head } = answer;
    const text = JSON.stringify(head) + (typeof body === 'string' ? body : JSON.stringify(body));
    lies.push(...found(`${method} ${url}`, Buffer.from(text), all));
    plain.push(...found('an answer', Buffer.from(text), [known]));
    return answer.status;
  };
  const grant = {
    holder: 'h-1',
    window: { kind: 'ongoing' as const },
    operations: ['pickup' as const, 'dropoff' as const],
  };
  const sent = await site.settling(
    cloud.putGrant({ id: 'g-1', rev: 1, ...grant, targets: [{ kind: 'key', id: STORE_KEY.key }] }, [
      { id: 'c-1', kind: 'pin', secret: PINS['sent by the cloud'] },
      { id: 'c-2', kind: 'fob', secret: FOBS['of a holder'] },
      { id: 'c-3', kind: 'pin', secret: PINS['of a duress code'], duress: true },
    ]),
  );
  assert.equal(sent.status, 'ok');
  const body = {
    holder: 'h-2',
    targets: [{ kind: 'key', id: READ_KEY.key }],
    credentials: [{ kind: 'pin', pin: PINS['put over the API'] }],
  };
  assert.equal(await ask('PUT', '/api/v1/grants/g-2', { body }), 200);

  // A story in which each of them is shown.
  await site.type(`${PINS['mistyped by a guest']}#`);
  await site.type(`${PINS['sent by the cloud']}#`);
  await site.takeKey(STORE_KEY.slot);
  await site.show(FOBS['of a key']);
  for (const slot of site.openSlots()) await site.putKey(slot, FOBS['of a key']);
  await site.show(FOBS['of a holder']);
  for (const slot of site.openSlots()) await site.takeKey(slot);
  await site.show(FOBS['nobody knows']);
  await site.type(`${PINS['put over the API']}#`);
  await site.takeKey(READ_KEY.slot);
  await site.show(FOBS['of a key in a slot with a reader']);
  for (const slot of site.openSlots())
    await site.putKey(slot, FOBS['of a key in a slot with a reader']);
  await site.type(`${PINS['of a duress code']}#`);
  // What goes wrong is told, too: a request that is refused repeats nothing of it.
  await ask('PUT', '/api/v1/grants/g-3', {
    body: { ...body, credentials: [{ kind: 'fob', pin: PINS['put over the API'] }] },
  });
  await ask('PUT', '/api/v1/grants/g-4', {
    body: { ...body, credentials: [{ kind: 'fob', number: `${FOBS['nobody knows']}zz` }] },
  });
  const types = new Set(site.types('access'));
  for (const type of [
    'access.granted',
    'access.denied',
    'access.taken',
    'access.foreign_fob',
  ] as const)
    assert.ok(types.has(type), `${type} is part of the story`);
  await site.advance(minutes(62)); // the daily backup

  for (const { method, path } of bench.endpoints) {
    if (method !== 'GET' || path.includes('events')) continue;
    const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => VALUES[name] ?? '1');
    await ask('GET', url).catch(() => 404);
  }
  for (const entry of site.journal) await ask('GET', `/api/v1/why/${entry.seq}`);
  lies.push(...found('the log', Buffer.from(JSON.stringify(site.log)), all));
  for (const { topic, payload } of exchange.passed) {
    plain.push(...found('a topic', opened(payload), [known]));
    lies.push(...found(`topic ${topic}`, opened(payload), all));
  }
  const files = filesIn(site.storeDirectory);
  assert.ok(
    files.some(([path]) => path.includes('backup')),
    'there is a backup',
  );
  for (const [path, bytes] of files) {
    plain.push(...found('a file', bytes, [known]));
    lies.push(...found(path.slice(site.directory.length), bytes, all));
  }
  assert.deepEqual([...new Set(lies)], []);
  assert.deepEqual(
    [...new Set(plain)].sort(),
    ['an answer', 'a file', 'a topic'].map((where) => `the lobby in ${where}`).sort(),
  );
});

const VALUES: Readonly<Record<string, string>> = {
  grant: 'g-1',
  key: STORE_KEY.key,
  device: 'box',
  accessPoint: 'lobby',
  holder: 'h-1',
  slot: String(STORE_KEY.slot),
};
