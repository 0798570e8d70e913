/** What must hold at every moment of a site's life, whatever happens to it: the promises, as far as they can be watched. */
import type { RecordedEntry } from '../../daemon/access/entry.ts';
import {
  type ClockInterval,
  type Grant,
  type GrantId,
  grantId,
} from '../../daemon/access/model.ts';
import { explain } from '../../daemon/access/why.ts';
import { verifyJournalFile } from '../../daemon/store/journal-verify.ts';
import type { Instant } from '../../drivers/contract/time.ts';
import { SimulatedLockBoard } from '../../simulator/devices/lock-board.ts';
import type { SimulatedSite } from '../site.ts';
import { mayHold } from './given.ts';

export class Broken extends Error {
  override readonly name = 'Broken';
  constructor(promise: string, what: string) {
    super(`${promise} broken: ${what}`);
  }
}

export interface WatcherOptions {
  /** Openings without an entry are allowed by the policy while nothing can be stored. */
  readonly mayGoUnstored: boolean;
  /** What time it truly is; `undefined` where the time server lies. */
  readonly trueTime: () => number | undefined;
  /** Why an opening under a grant that nobody put here must not be; `undefined` where a vendor gave it. */
  readonly objection: (
    grant: GrantId,
    clock: Pick<ClockInterval, 'lo' | 'hi'>,
    key: unknown,
  ) => string | undefined;
  /** Who may ask for an opening: everybody else is an attacker. */
  readonly maySend: (by: string) => boolean;
}

const SLOTS = Array.from({ length: 16 }, (_, n) => n + 1);

export class Watcher {
  readonly #site: SimulatedSite;
  readonly #options: WatcherOptions;
  /** Hash by seq of everything that was told as committed. */
  readonly #committed: string[] = [];
  readonly #grants = new Map<string, { readonly grant: Grant; readonly from: number }[]>();
  readonly #revoked = new Map<string, number>();
  readonly #used = new Map<string, number>();
  readonly #openings = new Map<number, string>();
  readonly #commands = new Set<string>();
  readonly #forged = new Set<string>();
  /** Intents of this life of the daemon, and pulses before it. */
  #intents = new Map<number, number>();
  #before = new Map<number, number>();
  #fault: Broken | undefined;
  /** Each decision, as far as it does not name the site's other entries. */
  readonly decided: string[] = [];
  decisions = 0;
  granted = 0;
  entries = 0;

  constructor(site: SimulatedSite, options: WatcherOptions) {
    this.#site = site;
    this.#options = options;
    const board = site.buses.get('box-bus')?.devices.get('box');
    if (!(board instanceof SimulatedLockBoard)) throw new Error('there is a box');
    board.box.watch(() => this.pulsed());
    this.follow();
  }

  /** After each start: what was committed before is there, and no pulse is owed to it any more. */
  follow(): void {
    const { journal } = this.#site.daemon.desk;
    const kept = journal.read({ limit: 5000, upTo: this.#committed.length });
    for (const [n, hash] of this.#committed.entries()) {
      if (kept[n]?.hash !== hash) this.fail('P8', `entry ${n + 1} is lost or changed`);
    }
    this.#intents = new Map();
    this.#before = new Map(SLOTS.map((slot) => [slot, this.#site.pulses(slot)]));
    // What was written by the start itself, and what was committed in the moment of the cut.
    for (const entry of journal.read({ limit: 5000, after: this.#committed.length }))
      this.#take(entry, false);
    journal.follow((entries) => {
      // What a dead one still writes, it writes where nobody will look.
      if (!this.#site.isRunning || this.#site.daemon.desk.journal !== journal) return;
      for (const entry of entries) this.#take(entry, true);
    });
  }

  /** Signed by an attacker: it must never be done. */
  forged(command: string): void {
    this.#forged.add(command);
  }

  put(grant: Grant): void {
    const known = this.#grants.get(grant.id) ?? [];
    known.push({ grant, from: this.#site.clock.uptime() });
    this.#grants.set(grant.id, known);
  }

  /** To be called once the revocation is acknowledged. */
  revoked(id: string): void {
    this.#revoked.set(id, this.#site.daemon.desk.journal.lastSeq);
  }

  fail(promise: string, what: string): void {
    this.#fault ??= new Broken(promise, what);
  }

  /** @throws Broken */
  check(): void {
    this.pulsed();
    this.#keys();
    this.#time();
    this.told();
  }

  /** @throws Broken for what was noticed. */
  told(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** P8, P13 and the ledger folded again, from the files that the daemon left. */
  files(): void {
    const { ok, faults } = verifyJournalFile(`${this.#site.storeDirectory}/journal.db`);
    if (!ok) this.fail('P8', `the journal does not verify: ${faults.join('; ')}`);
  }

  pulsed(): void {
    if (this.#options.mayGoUnstored) return;
    for (const slot of SLOTS) {
      const pulses = this.#site.pulses(slot) - (this.#before.get(slot) ?? 0);
      const intents = this.#intents.get(slot) ?? 0;
      if (pulses > intents)
        this.fail(
          'P2',
          `slot ${slot} was pulsed ${pulses} times, of ${intents} intents on the disk`,
        );
    }
  }

  #take(entry: RecordedEntry, isLive: boolean): void {
    const { seq, hash, type, body } = entry;
    if (seq !== this.#committed.length + 1)
      this.fail('P8', `entry ${seq} follows ${this.#committed.length}`);
    this.#committed[seq - 1] = hash;
    this.entries += 1;
    if (type === 'access.granted' || type === 'access.denied') this.#decided(entry);
    // For good: no vendor that says otherwise later, and no old answer, makes it live again.
    if (type === 'grant.revoked' && typeof body['grant'] === 'string')
      this.#revoked.set(body['grant'], seq);
    const slot = body['slot'];
    if (isLive && typeof slot === 'number' && ['access.granted', 'access.commanded'].includes(type))
      this.#intents.set(slot, (this.#intents.get(slot) ?? 0) + 1);
    const by = body['by'];
    if (type === 'access.commanded' && !(typeof by === 'string' && this.#options.maySend(by)))
      this.fail('P1, P12', `entry ${seq} was commanded by ${JSON.stringify(by)}`);
    const id = body['command'];
    if (type === 'access.commanded' && typeof id === 'string') {
      if (this.#commands.has(id)) this.fail('P3', `command ${id} was done twice`);
      if (this.#forged.has(id)) this.fail('P12', `command ${id} was forged, and done`);
      this.#commands.add(id);
    }
    const opening = this.#openings.get(Number(body['opening']));
    if (type === 'access.not_taken' && opening !== undefined)
      this.#used.set(opening, (this.#used.get(opening) ?? 0) - 1);
  }

  #decided(entry: RecordedEntry): void {
    const { seq, type, body } = entry;
    this.decisions += 1;
    const said = ['reason', 'grant', 'slot', 'key', 'return'].map((name) => body[name] ?? null);
    const at = Math.round(this.#site.clock.uptime());
    this.decided.push(JSON.stringify([at, type, ...said]));
    const told = explain(entry);
    if (told.kind !== 'explained') this.fail('P13', `entry ${seq} has no evidence: ${type}`);
    else if (!told.isSame)
      this.fail('P13', `entry ${seq} decides otherwise: ${told.differences.join('; ')}`);
    if (type !== 'access.granted') return;
    this.granted += 1;
    if (body['return'] === true || typeof body['grant'] !== 'string') return;
    this.#isHeld(entry, body['grant']);
  }

  /** P5, P6, P9: by the simplest reading of the grant. */
  #isHeld({ seq, stamp, body }: RecordedEntry, id: string): void {
    const revoked = this.#revoked.get(id);
    if (revoked !== undefined && seq > revoked)
      this.fail('P6', `entry ${seq} opens under ${id}, revoked at ${revoked}`);
    const grant = this.#grants.get(id)?.at(-1)?.grant;
    if (grant === undefined) {
      const why = this.#options.objection(grantId(id), stamp.clock, body['key']);
      if (why !== undefined) this.fail('P5', `entry ${seq} opens under ${id}: ${why}`);
      return;
    }
    if (grant.window.kind === 'instants') {
      const { start, end } = grant.window;
      if (!mayHold({ start, end }, stamp.clock))
        this.fail('P5', `entry ${seq} opens before ${id} begins, or after it ended`);
    }
    if (grant.uses === undefined) return;
    const used = (this.#used.get(id) ?? 0) + 1;
    this.#used.set(id, used);
    this.#openings.set(seq, id);
    if (body['counted'] === true && used > grant.uses.max)
      this.fail('P5', `entry ${seq} is use ${used} of ${grant.uses.max} of ${id}`);
  }

  /** P7, as far as the ledger alone can show it. */
  #keys(): void {
    const { ledger } = this.#site.daemon.desk.journal;
    const inSlot = new Map<string, string>();
    for (const [key, { place }] of ledger.all('key')) {
      if (place.kind !== 'slot') continue;
      const slot = `${place.box}:${place.slot}`;
      const other = inSlot.get(slot);
      const flags = ledger.get('slot', slot)?.flags ?? [];
      if (other !== undefined && !flags.includes('shared'))
        this.fail('P7', `${key} and ${other} are both said to be in ${slot}`);
      inSlot.set(slot, key);
    }
  }

  /** P9: the interval has the time in it. */
  #time(): void {
    const now = this.#options.trueTime();
    if (now === undefined) return;
    const { lo, hi, state } = this.#site.daemon.desk.stamp().clock;
    const far = (moment: Instant) => Math.round(now - moment);
    if (lo > now + 1) this.fail('P9', `lo is ${-far(lo)} ms ahead (${state})`);
    if ((state === 'trusted' || state === 'holdover') && hi < now - 1)
      this.fail('P9', `hi is ${far(hi)} ms behind (${state})`);
  }
}
