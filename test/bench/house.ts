/** The daemon's rules on its store, as `wiring.ts` joins them, on the disk and with as many grants as are wanted. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { answerTo } from '../../daemon/access/answer.ts';
import type { Answer } from '../../daemon/access/answered.ts';
import { decide } from '../../daemon/access/decide.ts';
import type { Decision } from '../../daemon/access/decision.ts';
import type { Stamp } from '../../daemon/access/entry.ts';
import type { Indexer } from '../../daemon/access/site-facts.ts';
import { resolveWindow } from '../../daemon/access/window.ts';
import { siteFactsOf } from '../../daemon/configured/site-facts-of.ts';
import { Vault } from '../../daemon/secrets/vault.ts';
import { Site } from '../../daemon/site/site.ts';
import { openDatabase } from '../../daemon/store/database.ts';
import type { GrantsStore } from '../../daemon/store/grants.ts';
import { livePointer, openGrantStore } from '../../daemon/store/grants-open.ts';
import type { JournalStore } from '../../daemon/store/journal.ts';
import { openJournal } from '../../daemon/store/journal-open.ts';
import { catalogue } from '../../drivers/catalogue.ts';
import { actuationId, type DeviceEvent, deviceId } from '../../drivers/contract/device.ts';
import { instant } from '../../drivers/contract/time.ts';
import { clock, random } from './clocks.ts';
import { DOOR, fill, isElsewhere, pinOf, ZONE } from './grants.ts';

const TZDATA = process.versions['tz'] ?? '';
export const PEPPER = new Uint8Array(32).fill(7);
export const SITE = 'bench';

const CONFIG = `
site: { id: ${SITE}, zone: ${ZONE}, policies: { clockSource: assumed } }
store: { directory: DIRECTORY/store }
secrets: { pinPepper: "file:DIRECTORY/pepper" }
buses:
  pad-bus: { serial: DIRECTORY/pad-bus, baudRate: 115200 }
  door-bus: { serial: DIRECTORY/door-bus, baudRate: 115200 }
devices:
  keypad: { driver: wiegand-serial, bus: pad-bus, entry: { end: "#" } }
`;

/** A keypad, and behind it these doors. */
export function configIn(directory: string, doors?: readonly string[], more?: string): Config {
  return parseConfig(configText(directory, more, doors));
}

export function configText(
  directory: string,
  more = '',
  doors: readonly string[] = [DOOR],
): string {
  const devices = doors.map(
    (door, n) =>
      `  ${door}: { driver: modbus-relay, bus: door-bus, address: ${n + 1}, strike: { relay: 1 } }\n`,
  );
  const point = `{ locks: [${doors.join(', ')}], readers: [keypad], holdMs: 100 }`;
  const text = `${CONFIG}${devices.join('')}accessPoints:\n  front-door: ${point}\n${more}`;
  return text.replaceAll('DIRECTORY', directory);
}

/** A directory that is gone when it is no longer used. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(
    join(process.env['LATCHKEY_BENCH_DIR'] ?? tmpdir(), 'latchkey-bench-'),
  );
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function indexerHere(): Indexer {
  return new Vault(PEPPER, random).indexer(SITE);
}

/** As the keeper of a trusted clock gives it. */
export function stampNow(): Stamp {
  const at = clock.now();
  const near = { lo: instant(at - 100), hi: instant(at + 100), state: 'trusted' } as const;
  return { at, uptime: clock.uptime(), boot: 'bench', clock: near };
}

export interface House extends AsyncDisposable {
  readonly directory: string;
  readonly journal: JournalStore;
  readonly grants: GrantsStore;
  readonly site: Site;
  readonly indexer: Indexer;
  /** From the digits to granted or denied. */
  decide(digits: string): Decision;
  /** The same with what is to be recorded and asked of devices. */
  answer(digits: string): Answer;
  /** The same, and recorded: resolves once it is on the disk, with what ends the opening. */
  record(digits: string): Promise<() => Promise<void>>;
}

/** On an empty store, or on what lies in `directory`; `zoneBefore` where the site was in another zone meanwhile. */
export async function openHouse(directory: string, zoneBefore?: string): Promise<House> {
  await using parts = new AsyncDisposableStack();
  const { journal } = await openJournal({ directory, clock, random });
  parts.use(journal);
  const { grants } = await openGrantStore({
    directory,
    clock,
    random,
    zone: ZONE,
    zoneBefore,
    resolve: resolveWindow,
    tzdata: TZDATA,
    live: livePointer(journal, stampNow),
    tombstones: journal,
  });
  parts.use(grants);
  const indexer = indexerHere();
  const facts = siteFactsOf(configIn(directory), catalogue);
  const stamp = stampNow;
  const site = new Site({ facts, grants, journal, indexer, clock, stamp, tzdata: TZDATA });
  for (const device of ['keypad', 'door']) {
    site.notice({ device: deviceId(device), kind: 'online' });
  }
  const owned = parts.move();
  const entered = (digits: string): DeviceEvent => ({
    device: deviceId('keypad'),
    kind: 'code-entered',
    digits,
  });
  const answer = (digits: string, stamp: Stamp) => {
    const event = entered(digits);
    return answerTo(event, site.knowledgeFor(event, stamp), stamp);
  };
  /** What the lock says of an opening; without it each would stay under way. */
  const opened = (seq: number) => {
    const now = site.stamp();
    const event: DeviceEvent = {
      device: deviceId('door'),
      kind: 'actuation-result',
      actuation: actuationId(`a-${seq}`),
      result: 'done',
      sent: true,
      acknowledged: true,
      observed: false,
    };
    const { entries } = answerTo(event, site.knowledgeFor(event, now), now);
    return journal.append({ stamp: now, entries }).committed;
  };
  return {
    directory,
    journal,
    grants,
    site,
    indexer,
    decide: (digits) => {
      const now = site.stamp();
      const known = site.knowledgeFor(entered(digits), now);
      if (known.presentation === undefined) throw new TypeError('a code is a presentation');
      return decide(known, known.presentation, now.clock);
    },
    answer: (digits) => answer(digits, site.stamp()),
    record: async (digits) => {
      const now = site.stamp();
      const { entries } = answer(digits, now);
      const { recorded, committed } = journal.append({ stamp: now, entries });
      await committed;
      return () => opened(recorded[0]?.seq ?? 0);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const filled = new Map<number, Promise<Folder>>();

/** The store of a house with so many grants; made once, then copied. */
export async function storeOf(count: number): Promise<Folder> {
  let template = filled.get(count);
  if (template === undefined) {
    template = build(count);
    filled.set(count, template);
  }
  const copy = new Folder();
  cpSync((await template).path, copy.path, { recursive: true });
  return copy;
}

/** Those of `storeOf`. */
export async function forgetStores(): Promise<void> {
  for (const template of filled.values()) (await template)[Symbol.dispose]();
  filled.clear();
}

async function build(count: number): Promise<Folder> {
  const folder = new Folder();
  await using house = await openHouse(folder.path);
  await fill(await house.grants.snapshot('cloud', 'bench'), count, house.indexer);
  return folder;
}

/** A house of `count` grants with its own copy of the store. */
export async function houseOf(count: number): Promise<House> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await storeOf(count));
  const house = parts.use(await openHouse(folder.path));
  const owned = parts.move();
  return { ...house, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Codes as they are typed: eight in ten open, one is nobody's, one opens elsewhere. */
export function codesOf(count: number): readonly string[] {
  const guests = count >> 1;
  return Array.from({ length: 5000 }, (_, n) => {
    const guest = Math.floor(((n * 0.618_033_988_75) % 1) * guests);
    if (n % 10 === 0) return pinOf(guests + guest);
    const open = isElsewhere(guest) ? guest - 1 : guest;
    return pinOf(n % 10 === 1 ? open - (open % 9) + 8 : open);
  });
}

/** A code that opens the door. */
export function goodCode(count: number, n: number): string {
  const guest = Math.floor(((n * 0.618_033_988_75) % 1) * (count >> 1));
  return pinOf(isElsewhere(guest) ? guest - 1 : guest);
}

/** The floor of a lookup: the row of a number in the same file, through a statement prepared once. */
export function primaryKeyLookup(
  house: House,
  count: number,
): Disposable & { get(n: number): unknown } {
  const { place } = house.grants;
  if (typeof place !== 'string') throw new TypeError('the house is on the disk');
  const db = openDatabase(place, { readonly: true });
  const get = db.prepare<[number], unknown>('SELECT rev FROM grants WHERE num = +?').raw();
  return {
    get: (n) => get.get(1 + Math.floor(((n * 0.618_033_988_75) % 1) * count)),
    [Symbol.dispose]: () => db.close(),
  };
}
