/** A daemon process on simulated hardware that this process serves, so that nobody but us kills it and counts. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { loadConfig } from '../../config/load.ts';
import { verifyJournalFile } from '../../daemon/store/journal-verify.ts';
import type { VerifyReport } from '../../daemon/store/ports.ts';
import { type Random, randomInteger } from '../../drivers/contract/time.ts';
import { simulatedKinds } from '../../simulator/devices/catalogue.ts';
import { seededRandom } from '../../simulator/random.ts';
import { realClock } from '../../simulator/real-clock.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import type { Blow } from './blow.ts';
import { Caller, STAFF_FOB, STAFF_SLOT } from './caller.ts';
import { DaemonProcess, type DaemonProcessOptions, Gone } from './daemon-process.ts';
import { type Pulses, Witness } from './witness.ts';

export const SOURCE = resolve(import.meta.dirname, '../../daemon/main.ts');
/** What the daemon sent last is with the board after this; both ends are on this machine. */
const WIRE_IS_QUIET_MS = 80;
const PULSED_WITHIN_MS = 400;
/** Doors that somebody opens over the API are below the one of staff. */
const SLOTS = STAFF_SLOT - 1;

const CONFIG = (directory: string, store = join(directory, 'store')) => `
site: { id: crash-site, zone: Europe/Stockholm, policies: { clockSource: assumed } }
store: { directory: ${store} }
secrets: { pinPepper: "file:${directory}/pin-pepper" }
buses:
  box-bus: { serial: "${directory}/hardware/box-bus", baudRate: 19200 }
  fob-bus: { serial: "${directory}/hardware/fob-bus", baudRate: 9600 }
devices:
  box: { driver: kerong-cu16, bus: box-bus, address: 0 }
  fobs: { driver: rdm6300, bus: fob-bus }
accessPoints:
  lobby: { box: box, readers: [fobs] }
api:
  listen: 127.0.0.1:0
  tokens: [ { name: crash, scope: admin, token: "file:${directory}/api-token" } ]
`;

const boxSchema = z.looseObject({
  slots: z.record(z.string(), z.looseObject({ pulses: z.int(), door: z.string() })),
});

export interface RoundReport {
  /** What is not as promised; empty when all is well. */
  readonly faults: readonly string[];
  /** Milliseconds from the start of the process until somebody was let in; `undefined` where it died before. */
  readonly untilDecision: number | undefined;
}

export interface CrashSiteOptions {
  readonly seed: number;
  /** Default: from source. */
  readonly main?: string;
  /** Where code that was compiled once is kept. */
  readonly cache?: string;
}

export class CrashSite implements AsyncDisposable {
  readonly directory: string;
  readonly #options: CrashSiteOptions;
  readonly #token: string;
  readonly #simulator: Simulator;
  readonly #random: Random;
  readonly #witness = new Witness();
  #daemon: DaemonProcess | undefined;
  #grants = 0;
  openings = 0;

  static async open(options: CrashSiteOptions): Promise<CrashSite> {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'latchkey-crash-')));
    mkdirSync(join(directory, 'store'), { mode: 0o700 });
    writeFileSync(join(directory, 'pin-pepper'), randomBytes(32), { mode: 0o600 });
    const token = randomBytes(24).toString('base64url');
    writeFileSync(join(directory, 'api-token'), token, { mode: 0o600 });
    writeFileSync(join(directory, 'config.yaml'), CONFIG(directory));
    const simulator = await startSimulator({
      description: loadConfig(join(directory, 'config.yaml')),
      directory: join(directory, 'hardware'),
      kinds: simulatedKinds,
      contents: [],
      controlPort: 0,
      clock: realClock(),
    });
    return new CrashSite(options, directory, token, simulator);
  }

  private constructor(
    options: CrashSiteOptions,
    directory: string,
    token: string,
    simulator: Simulator,
  ) {
    this.#options = options;
    this.directory = directory;
    this.#token = token;
    this.#simulator = simulator;
    this.#random = seededRandom(options.seed);
  }

  /** One life: it comes up, what the life before left is judged, people use it, and it is killed. */
  async round(blow: Blow, more: Pick<DaemonProcessOptions, 'trace'> = {}): Promise<RoundReport> {
    this.#closeDoors();
    this.#witness.lifeBegins(this.#pulses());
    const daemon = this.#start(blow, more);
    const life = { faults: [] as string[], untilDecision: undefined as number | undefined };
    if (blow.kind === 'start') {
      await Promise.race([pause(blow.after), daemon.exit]);
    } else {
      try {
        await this.#live(daemon, blow, life);
      } catch (error) {
        // What was under way when it died; all else is a fault of its own.
        if (!(error instanceof Gone) && !(await isGoneSoon(daemon))) throw error;
      }
    }
    await daemon.kill();
    this.#daemon = undefined;
    if (daemon.ownEnd !== undefined) life.faults.push(`it ended by itself: ${daemon.ownEnd}`);
    await pause(WIRE_IS_QUIET_MS);
    life.faults.push(...this.#witness.lifeIsOver(this.#pulses()));
    return life;
  }

  /** P2: a daemon on this store comes up by itself, and moves nothing. */
  async startOn(store: string): Promise<readonly string[]> {
    this.#closeDoors();
    const before = this.#pulses();
    const config = join(this.directory, 'other.yaml');
    writeFileSync(config, CONFIG(this.directory, store));
    const daemon = new DaemonProcess({ ...this.#program, config });
    this.#daemon = daemon;
    const caller = new Caller(await daemon.up(), this.#token);
    await caller.allOnline();
    await daemon.kill();
    await pause(WIRE_IS_QUIET_MS);
    const moved = [...this.#pulses()].filter(([slot, count]) => count !== before.get(slot));
    return moved.map(([slot]) => `slot ${slot} was pulsed by a start`);
  }

  /** Walks the whole chain in the file that the last life left. */
  verify(): VerifyReport {
    return verifyJournalFile(join(this.directory, 'store', 'journal.db'));
  }

  get pulseCount(): number {
    return [...this.#pulses().values()].reduce((sum, count) => sum + count, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon?.kill();
    await this.#simulator[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #start(blow: Blow, more: Pick<DaemonProcessOptions, 'trace'>): DaemonProcess {
    this.#daemon = new DaemonProcess({
      ...this.#program,
      config: join(this.directory, 'config.yaml'),
      ...(blow.kind === 'call' ? { fatal: blow } : {}),
      ...more,
    });
    return this.#daemon;
  }

  get #program(): Pick<DaemonProcessOptions, 'main' | 'cache'> {
    const { main = SOURCE, cache } = this.#options;
    return { main, ...(cache === undefined ? {} : { cache }) };
  }

  async #live(
    daemon: DaemonProcess,
    blow: Blow,
    life: { faults: string[]; untilDecision: number | undefined },
  ): Promise<void> {
    const caller = new Caller(await daemon.up(), this.#token);
    const witness = this.#witness;
    const { faults } = life;
    faults.push(...witness.compare(await caller.entriesFrom(witness.lastFolded)));
    faults.push(...witness.judge(), ...(await caller.grantsHeld(witness)));
    await using followed = caller.follow(witness);
    await caller.putStaff(witness);
    await caller.allOnline();
    witness.workBegins();
    await followed.letIn(() => {
      this.#hand('fobs', 'show', { fob: STAFF_FOB, ms: 150 });
    });
    life.untilDecision = performance.now() - daemon.began;
    // The box answers by now, so what would be driven again would have been.
    faults.push(...witness.repeated(this.#pulses(), STAFF_SLOT));

    const work = [1, 2, 3].map(() => this.#open(caller));
    if (randomInteger(this.#random, 3) === 0) work.push(this.#editGrants(caller));
    if (blow.kind === 'work') return void (await Promise.race([pause(blow.after), daemon.exit]));
    // An answer comes when the door was opened, or not; the pulse is long over by then.
    const enough = blow.kind === 'idle' ? daemon.exit : pause(PULSED_WITHIN_MS);
    await Promise.race([Promise.all(work), enough]);
    if (blow.kind === 'stop') {
      daemon.askToStop();
      await Promise.race([pause(blow.after), daemon.exit]);
    }
  }

  async #open(caller: Caller): Promise<void> {
    this.openings += 1;
    await caller.open(1 + randomInteger(this.#random, SLOTS)).catch(died);
  }

  /** Makes one, or takes back the one that was made last. */
  async #editGrants(caller: Caller): Promise<void> {
    const id = `g-${this.#grants >> 1}`;
    this.#grants += 1;
    await (this.#grants % 2 === 1
      ? caller.put(this.#witness, id)
      : caller.revoke(this.#witness, id)
    ).catch(died);
  }

  #closeDoors(): void {
    for (const [slot, { door }] of Object.entries(this.#slots())) {
      if (door !== 'open') continue;
      try {
        this.#hand('box', 'close-door', { slot: Number(slot) });
      } catch (error) {
        if (!(error instanceof RangeError)) throw error; // its solenoid still holds it
      }
    }
  }

  #hand(device: string, verb: string, given: Readonly<Record<string, string | number>>): void {
    this.#simulator.hardware.device(device)?.verbs[verb]?.run(given);
  }

  #pulses(): Pulses {
    return new Map(
      Object.entries(this.#slots()).map(([slot, { pulses }]) => [Number(slot), pulses]),
    );
  }

  #slots(): z.infer<typeof boxSchema>['slots'] {
    return boxSchema.parse(this.#simulator.hardware.device('box')?.look()).slots;
  }
}

/** The answer died with the daemon; whether it should have is seen by whoever waits for the daemon. */
function died(): void {}

async function isGoneSoon(daemon: DaemonProcess): Promise<boolean> {
  await Promise.race([daemon.exit, pause(5000)]);
  return daemon.isGone;
}

export function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}
