/** A piece of a site's life, drawn from a seed: people, faults on every part, restarts; and what must hold throughout. */

import type { ClientKeyFile } from '../../daemon/cloud/client-key.ts';
import { deviceId } from '../../drivers/contract/device.ts';
import { type Millis, type Random, randomInteger } from '../../drivers/contract/time.ts';
import { seededRandom } from '../../simulator/random.ts';
import { OwnCloud } from '../../simulator/site/own-cloud.ts';
import { Exchange } from '../daemon/cloud/cloud-and-bridge.ts';
import { Cable } from '../scenario/cable.ts';
import { minutes, type SimulatedSite, simulatedSite } from '../site.ts';
import type { AtBox } from './bookings.ts';
import { DEEDS, DEEDS_OF_TWINS, type Deed } from './deeds.ts';
import { ending } from './ending.ts';
import { GivenByVendors } from './given.ts';
import { put } from './managers.ts';
import { PACES, type Pace } from './pace.ts';
import { compare, parted, type Twin, troubleOnline } from './twins.ts';
import { VendorWorld, vendorsText } from './vendor-world.ts';
import { Broken, Watcher } from './watcher.ts';

/** What a seed is made into. */
export interface Wish {
  readonly seed: number;
  readonly steps: number;
  /** Default: as the seed says. */
  readonly pace?: Pace['name'] | undefined;
  /** One deed follows the other: what `npm test` has time for. */
  readonly isRestless?: boolean | undefined;
}

export interface LifeReport {
  readonly seed: number;
  readonly pace: Pace['name'];
  /** Milliseconds of the site's time. */
  readonly lived: Millis;
  readonly starts: number;
  readonly entries: number;
  readonly decisions: number;
  readonly granted: number;
  readonly pulses: number;
  /** What happened, newest last. */
  readonly story: readonly string[];
}

export class LifeError extends Error {
  override readonly name = 'LifeError';
  constructor(seed: number, story: readonly string[], cause: unknown) {
    const tail = story.slice(-25).map((line) => `    ${line}`);
    super(`seed ${seed}: ${String(cause)}\n${tail.join('\n')}`, { cause });
  }
}

/** @throws LifeError with the seed and what led to it */
export async function live(wish: Wish): Promise<LifeReport> {
  const { seed, pace = paceOf(seed) } = wish;
  if (pace !== 'twins') return (await lived({ ...wish, pace })).report();
  const online = await lived({ ...wish, pace }, 'online');
  const alone = await lived({ ...wish, pace }, 'alone');
  try {
    compare(online.watcher.decided, alone.watcher.decided);
  } catch (error) {
    throw new LifeError(seed, alone.story, error);
  }
  const [one, other] = [online.report(), alone.report()];
  return { ...one, lived: one.lived + other.lived, decisions: one.decisions + other.decisions };
}

/** @throws LifeError */
async function lived(wish: Wish & { readonly pace: Pace['name'] }, twin?: Twin): Promise<Life> {
  const { seed, steps, pace, isRestless } = wish;
  const life = await Life.begin(seed, {
    ...PACES[pace],
    ...(isRestless === true ? { rest: () => 0 } : {}),
  });
  await using _site = life.site;
  try {
    if (twin !== undefined) await parted(life, twin);
    const beside = twin === 'online' ? troubleOnline(seed) : () => {};
    for (let step = 0; step < steps; step += 1) {
      await life.step(twin === undefined ? DEEDS : DEEDS_OF_TWINS);
      beside(life);
    }
    if (twin === undefined) await ending(life);
    return life;
  } catch (error) {
    throw new LifeError(seed, life.story, error);
  }
}

/** Of eight lives two are a matter of minutes, and one is lived twice. */
function paceOf(seed: number): Pace['name'] {
  if (seed % 4 === 0) return 'minutes';
  return seed % 8 === 1 ? 'twins' : 'days';
}

interface LifeParts {
  readonly seed: number;
  readonly pace: Pace;
  readonly random: Random;
  readonly site: SimulatedSite;
  readonly cable: Cable;
  readonly exchange: Exchange;
  readonly cloud: OwnCloud;
  readonly sender: ClientKeyFile;
  readonly world: VendorWorld;
}

/** Who asks for openings by the desk. */
const ASKERS = new Set(['anna', 'end']);

export class Life {
  readonly site: SimulatedSite;
  readonly story: string[] = [];
  readonly #seed: number;
  readonly pace: Pace;
  random: Random;
  readonly cable: Cable;
  readonly exchange: Exchange;
  readonly cloud: OwnCloud;
  /** Key of the one cloud that may send commands here. */
  readonly sender: ClientKeyFile;
  readonly watcher: Watcher;
  readonly world: VendorWorld;
  readonly given: GivenByVendors;
  readonly atBox: AtBox[] = [];
  /** Drawn for clients of vendors. */
  codes = 0;
  readonly revs = new Map<string, number>();
  readonly dead = new Set<string>();
  readonly began: number;
  /** Wires that were touched since they were last mended. */
  readonly troubled = new Set<string>();
  /** How far the wall clock was pushed off. */
  off = 0;
  #starts = 1;
  #tries = 0;
  lockdowns = 0;
  failures = 0;
  /** Keys in people's hands. */
  readonly hands: string[] = [];

  static async begin(seed: number, pace: Pace): Promise<Life> {
    const random = seededRandom(seed);
    const auditFull = random.fraction() < 0.7 ? 'deny' : 'allow_staff';
    const exchange = new Exchange();
    const cable = new Cable(exchange);
    const made: { world?: VendorWorld } = {};
    const site = await simulatedSite({
      seed,
      isSwift: pace.isSwift,
      onDisk: true,
      withGate: true,
      broker: cable,
      vendors: vendorsText(pace.poll),
      http: (clock) => {
        made.world = new VendorWorld(clock, seededRandom(seed + 13));
        return made.world;
      },
      at: random.fraction() < 0.5 ? '2026-10-24T23:30:00Z' : '2026-03-29T00:30:00Z',
      change: (config) => ({
        ...config,
        site: { ...config.site, policies: { ...config.site.policies, auditFull } },
      }),
    });
    const [sender] = site.enrolment.senders;
    if (sender === undefined) throw new Error('somebody may send commands');
    const cloud = await site.settling(
      OwnCloud.join({
        ...{ broker: exchange, key: sender, clock: site.clock },
        random: seededRandom(seed + 29),
      }),
    );
    const { world } = made;
    if (world === undefined) throw new Error('there are vendors');
    const parts = { seed, pace, random, site, cable, exchange, cloud, sender, world };
    return new Life(parts, auditFull !== 'deny');
  }

  private constructor(parts: LifeParts, mayGoUnstored: boolean) {
    const { site } = parts;
    this.#seed = parts.seed;
    this.pace = parts.pace;
    this.site = site;
    this.random = parts.random;
    this.cable = parts.cable;
    this.exchange = parts.exchange;
    this.cloud = parts.cloud;
    this.sender = parts.sender;
    this.world = parts.world;
    this.given = new GivenByVendors(parts.world, site);
    this.world.box = () =>
      site.isRunning ? site.daemon.vendors.flatMap(({ routes }) => routes) : undefined;
    this.began = site.clock.now() - site.clock.uptime();
    this.watcher = new Watcher(site, {
      mayGoUnstored,
      trueTime: () => this.began + site.clock.uptime(),
      objection: (grant, clock, key) => this.given.objection(grant, clock, key),
      maySend: (by) => ASKERS.has(by) || by === `cloud:${parts.sender.kid}`,
    });
  }

  report(): LifeReport {
    const { entries, decisions, granted } = this.watcher;
    return {
      seed: this.#seed,
      pace: this.pace.name,
      lived: this.site.clock.uptime(),
      starts: this.#starts,
      entries,
      decisions,
      granted,
      pulses: this.site.pulseCount,
      story: this.story,
    };
  }

  async step(deeds: readonly Deed[]): Promise<void> {
    const total = deeds.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.random.fraction() * total;
    const deed = deeds.find(([weight]) => {
      left -= weight;
      return left < 0;
    });
    if (deed === undefined) return;
    this.given.absorb();
    await deed[1](this);
    if (!this.site.isRunning) await this.#startAgain();
    this.given.absorb();
    this.watcher.check();
    await this.pass(this.pace.rest(this.random));
    this.given.absorb();
    this.watcher.check();
  }

  /** Whoever is let in now gets in at the first try. */
  async isStillOfUse(promise: string): Promise<void> {
    const { site } = this;
    for (const [, { id }] of [...site.daemon.desk.journal.ledger.all('lockdown')])
      await site.command({ kind: 'release', by: 'end', lockdown: id });
    await site.command({ kind: 'keypad.reset', by: 'end', device: deviceId('keypad') });
    const free = Array.from({ length: 16 }, (_, n) => n + 1).find((slot) => this.isFree(slot));
    if (free === undefined) return;
    this.#tries += 1;
    const pin = String(905_531 + this.#tries);
    await put(this, { id: `t-${this.#tries}`, pin, slot: free, window: { kind: 'ongoing' } });
    const before = site.pulses(free);
    await site.type(`${pin}#`);
    if (site.pulses(free) !== before + 1)
      throw new Broken(
        promise,
        `slot ${free} does not open: ${JSON.stringify(site.journal.at(-1))}`,
      );
  }

  isFree(slot: number): boolean {
    const { ledger } = this.site.daemon.desk.journal;
    const row = ledger.get('slot', `box:${slot}`);
    const isHeld = [...ledger.all('key')].some(
      ([, { place }]) => place.kind === 'slot' && place.slot === slot,
    );
    return !isHeld && row?.doorOpen !== true && row?.flags.includes('shared') !== true;
  }

  say(what: string): void {
    this.story.push(`${(this.site.clock.uptime() / 1000).toFixed(1)} s  ${what}`);
  }

  /** Draws from another source while `act` does. */
  drawingFrom(random: Random, act: () => void): void {
    const own = this.random;
    this.random = random;
    act();
    this.random = own;
  }

  chance(of: number): boolean {
    return this.random.fraction() < of;
  }

  draw(bound: number): number {
    return randomInteger(this.random, bound);
  }

  one<T>(all: readonly T[]): T {
    const found = all[this.draw(all.length)];
    if (found === undefined) throw new Error('nothing to draw from');
    return found;
  }

  async #startAgain(): Promise<void> {
    if (this.watcher !== undefined) this.watcher.files();
    this.#starts += 1;
    await this.site.restart(this.chance(0.3) ? this.draw(minutes(5)) : 0);
    this.watcher.follow();
    this.say('started');
  }

  async pass(length: Millis): Promise<void> {
    await this.site.advance(length);
  }
}
