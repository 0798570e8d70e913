/** A daemon process on simulated hardware that this process serves, so that nobody but us kills it and counts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
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

const MAIN = resolve(import.meta.dirname, '../../daemon/main.ts');
const UP_WITHIN_MS = 30_000;
const SLOTS = 16;

const CONFIG = (directory: string) => `
site: { id: crash-site, zone: Europe/Stockholm, policies: { clockSource: assumed } }
store: { directory: ${directory}/store }
secrets: { pinPepper: "file:${directory}/pin-pepper" }
buses:
  box-bus: { serial: "${directory}/hardware/box-bus", baudRate: 19200 }
devices:
  box: { driver: kerong-cu16, bus: box-bus, address: 0 }
accessPoints:
  lobby: { box: box }
api:
  listen: 127.0.0.1:\${API_PORT}
  tokens: [ { name: crash, scope: admin, token: "file:${directory}/api-token" } ]
`;

const entriesSchema = z.looseObject({
  entries: z.array(
    z.looseObject({
      seq: z.int(),
      hash: z.string(),
      type: z.string(),
      body: z.record(z.string(), z.unknown()),
    }),
  ),
});
type Entry = z.infer<typeof entriesSchema>['entries'][number];

const boxSchema = z.looseObject({
  slots: z.record(z.string(), z.looseObject({ pulses: z.int(), door: z.string() })),
});

const devicesSchema = z.looseObject({ devices: z.array(z.looseObject({ online: z.boolean() })) });

/** The longest pulse of the board, and what it may have held back. */
const BOARD_ENDS_MS = 250;

export interface RoundReport {
  /** What is not as promised; empty when all is well. */
  readonly faults: readonly string[];
  /** Milliseconds from the start of the process until it would let somebody in. */
  readonly untilAnswer: number;
}

export class CrashSite implements AsyncDisposable {
  readonly #directory: string;
  readonly #port: number;
  readonly #token: string;
  readonly #simulator: Simulator;
  readonly #random: Random;
  #child: ChildProcess | undefined;
  #output = '';
  /** Newest entry seen over the API, and hashes of all seen so far. */
  readonly #hashes = new Map<number, string>();
  readonly #intents = new Map<number, number>();
  /** Pulses when the work of the last round began, and when the daemon was dead and the board had ended. */
  #before = new Map<number, number>();
  #left = new Map<number, number>();
  openings = 0;

  static async open(seed: number): Promise<CrashSite> {
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-crash-'));
    mkdirSync(join(directory, 'store'), { mode: 0o700 });
    writeFileSync(join(directory, 'pin-pepper'), randomBytes(32), { mode: 0o600 });
    const token = randomBytes(24).toString('base64url');
    writeFileSync(join(directory, 'api-token'), token, { mode: 0o600 });
    writeFileSync(join(directory, 'config.yaml'), CONFIG(directory));
    const port = await freePort();
    const variables = new Map([['API_PORT', String(port)]]);
    const simulator = await startSimulator({
      description: loadConfig(join(directory, 'config.yaml'), { variables }),
      directory: join(directory, 'hardware'),
      kinds: simulatedKinds,
      contents: [],
      controlPort: 0,
      clock: realClock(),
    });
    return new CrashSite(directory, port, token, simulator, seededRandom(seed));
  }

  private constructor(
    directory: string,
    port: number,
    token: string,
    simulator: Simulator,
    random: Random,
  ) {
    this.#directory = directory;
    this.#port = port;
    this.#token = token;
    this.#simulator = simulator;
    this.#random = random;
  }

  /** Starts the daemon, looks whether all is as it was left, lets it work, and kills it at a random moment. */
  async round(): Promise<RoundReport> {
    const { faults, untilAnswer } = await this.look();
    this.#closeDoors();
    this.#before = this.#pulsesBySlot();
    const work = [1, 2, 3].map(() => this.#open(1 + randomInteger(this.#random, SLOTS)));
    // From before the first request is read until after the last pulse is over.
    const moment = new Promise((over) => setTimeout(over, randomInteger(this.#random, 900)));
    const isPatient = randomInteger(this.#random, 6) === 0;
    await (isPatient ? Promise.all(work) : moment);
    await this.#kill();
    await Promise.allSettled(work);
    await pause(BOARD_ENDS_MS);
    this.#left = this.#pulsesBySlot();

    const report = this.#verify();
    return { faults: report.ok ? faults : [...faults, ...report.faults], untilAnswer };
  }

  /** A start after which nothing is asked: what the kill before left is judged. */
  async look(): Promise<RoundReport> {
    const faults: string[] = [];
    const intentsBefore = new Map(this.#intents);
    const untilAnswer = await this.#start();
    await this.#compare(faults);
    // The box answers by now, so what would be driven again would have been.
    for (const [slot, pulses] of this.#pulsesBySlot()) {
      const left = this.#left.get(slot) ?? 0;
      const asked = (this.#intents.get(slot) ?? 0) - (intentsBefore.get(slot) ?? 0);
      const done = left - (this.#before.get(slot) ?? 0);
      if (done > asked) faults.push(`slot ${slot}: ${done} pulses of ${asked} intents`);
      if (pulses !== left) faults.push(`slot ${slot} was pulsed again after the start`);
    }
    return { faults, untilAnswer };
  }

  verified(): Promise<VerifyReport> {
    return Promise.resolve(this.#verify());
  }

  pulses(): number {
    return Object.values(this.#slots()).reduce((sum, { pulses }) => sum + pulses, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kill();
    await this.#simulator[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #start(): Promise<number> {
    const began = performance.now();
    const child = spawn(
      process.execPath,
      [
        MAIN,
        'run',
        '--config',
        join(this.#directory, 'config.yaml'),
        '--set',
        `API_PORT=${this.#port}`,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        this.#output = `${this.#output}${text}`.slice(-4000);
      });
    }
    while (performance.now() - began < UP_WITHIN_MS && child.exitCode === null) {
      if (await this.#isReady()) return performance.now() - began;
      await pause(15);
    }
    throw new Error(`the daemon did not come up by itself:\n${this.#output}`);
  }

  /** It answers, and so does its box. */
  async #isReady(): Promise<boolean> {
    const told = devicesSchema.safeParse(await this.#get('/api/v1/devices').catch(() => undefined));
    return told.data?.devices.every(({ online }) => online) === true;
  }

  async #kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((over) => child.once('exit', over));
    child.kill('SIGKILL');
    await gone;
  }

  /** P8: whatever was once read is there, as it was. */
  async #compare(faults: string[]): Promise<void> {
    const entries = await this.#entries();
    const now = new Map(entries.map(({ seq, hash }) => [seq, hash]));
    const oldest = entries[0]?.seq ?? 1;
    for (const [seq, hash] of this.#hashes) {
      if (seq >= oldest && now.get(seq) !== hash) faults.push(`entry ${seq} is lost or changed`);
    }
    for (const [n, { seq }] of entries.entries()) {
      if (seq !== oldest + n) faults.push(`entry ${seq} stands where ${oldest + n} should`);
    }
    for (const entry of entries) this.#know(entry);
  }

  #know({ seq, hash, type, body }: Entry): void {
    if (this.#hashes.has(seq)) return;
    this.#hashes.set(seq, hash);
    const slot = body['slot'];
    if (type === 'access.commanded' && typeof slot === 'number')
      this.#intents.set(slot, (this.#intents.get(slot) ?? 0) + 1);
  }

  async #open(slot: number): Promise<void> {
    this.openings += 1;
    await fetch(this.#url(`/api/v1/access-points/lobby/slots/${slot}/open`), {
      method: 'POST',
      headers: { ...this.#headers(), 'content-type': 'application/json' },
      body: JSON.stringify({ why: 'crash' }),
    }).then(
      (answer) => answer.text(),
      () => undefined, // the answer died with the daemon
    );
  }

  async #entries(): Promise<readonly Entry[]> {
    const told = entriesSchema.parse(await this.#get('/api/v1/journal?limit=500'));
    return told.entries.toSorted((a, b) => a.seq - b.seq);
  }

  async #get(path: string): Promise<unknown> {
    const answer = await fetch(this.#url(path), { headers: this.#headers() });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  #headers(): Readonly<Record<string, string>> {
    return { authorization: `Bearer ${this.#token}` };
  }

  #url(path: string): string {
    return `http://127.0.0.1:${this.#port}${path}`;
  }

  #verify(): VerifyReport {
    return verifyJournalFile(join(this.#directory, 'store', 'journal.db'));
  }

  #closeDoors(): void {
    const board = this.#simulator.hardware.device('box');
    for (const [slot, { door }] of Object.entries(this.#slots())) {
      if (door !== 'open') continue;
      try {
        board?.verbs['close-door']?.run({ slot: Number(slot) });
      } catch (error) {
        if (!(error instanceof RangeError)) throw error; // its solenoid still holds it
      }
    }
  }

  #pulsesBySlot(): Map<number, number> {
    return new Map(
      Object.entries(this.#slots()).map(([slot, { pulses }]) => [Number(slot), pulses]),
    );
  }

  #slots(): z.infer<typeof boxSchema>['slots'] {
    return boxSchema.parse(this.#simulator.hardware.device('box')?.look()).slots;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((found) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      found(address !== null && typeof address === 'object' ? address.port : 0);
    }),
  );
  await new Promise((closed) => server.close(closed));
  return port;
}
