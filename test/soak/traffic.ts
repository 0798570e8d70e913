/** Days of a busy site in hours: keys go out and come back, strangers try, managers look and edit, lines break. */
import { z } from 'zod';
import { type Clock, pause, type Random, randomInteger } from '../../drivers/contract/time.ts';
import { CAST } from '../../simulator/site/cast.ts';
import type { DemoSite } from '../../simulator/site/demo-site.ts';
import { SiteHands } from '../../simulator/site/site-hands.ts';

/** Its own slot has a reader: where it is, is known also after a door that nobody went to. */
const { guest, other: key } = CAST;
const slotSchema = z.looseObject({
  door: z.string(),
  fobs: z.array(z.string()),
  pulses: z.number(),
});
const statusSchema = z.looseObject({ cloud: z.looseObject({ outbox: z.int() }) });
const RETURNS = ['access.returned', 'access.late_return'];
const boxSchema = z.looseObject({ slots: z.record(z.string(), slotSchema) });
/** Opened by commands of the cloud; no key hangs there. */
const COMMANDED_SLOT = 14;
/** A reader takes the same fob for another showing once it was away for a while. */
const BETWEEN_SHOWINGS_MS = 2500;
const LINE_IS_DOWN_MS = 8000;
/** A safety net: a backlog drains at 20 entries a second. */
const TOLD_WITHIN_MS = 60_000;

export class Traffic {
  readonly #site: DemoSite;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #hands: SiteHands;
  /** Revision of the guest's grant. */
  #rev = 0;
  #returnsBefore = 0;
  exchanges = 0;
  missed = 0;
  /** Exchanges in which a lock was not moved once for each opening. */
  wrongPulses = 0;
  lastMiss: unknown;

  constructor(site: DemoSite, clock: Clock, random: Random) {
    this.#site = site;
    this.#clock = clock;
    this.#random = random;
    this.#hands = new SiteHands(site.simulator.hardware, clock);
  }

  /** The grant under which keys are exchanged. */
  async begin(): Promise<void> {
    this.#returnsBefore = this.#returns();
    await this.#edit();
  }

  /** One exchange of a key, and what else happens around it. */
  async next(): Promise<void> {
    try {
      await this.#exchange();
    } catch (error) {
      this.missed += 1;
      this.lastMiss = error;
      await this.#correct();
    }
    const around = randomInteger(this.#random, 12);
    if (around === 0) await this.#hands.press('keypad', '135792#');
    if (around === 1) await this.#command();
    if (around === 2) await this.#edit().catch(lost);
    if (around === 3) await this.#look();
    if (around === 4 && randomInteger(this.#random, 4) === 0) await this.#lineBreaks();
  }

  /** Until the next one comes. */
  async rest(): Promise<void> {
    await pause(this.#clock, BETWEEN_SHOWINGS_MS);
  }

  /** Takes the key where it hangs, and brings it back; or only that, where it was not brought back before. */
  async #exchange(): Promise<void> {
    const hands = this.#hands;
    await this.#closeDoors();
    const before = this.#pulses();
    let openings = 1;
    if (this.#slots().some(([, { fobs }]) => fobs.includes(key.fob))) {
      const slot = await hands.opening(() => hands.press('keypad', `${guest.pin}#`));
      openings += 1;
      await hands.takeOut(slot);
      await pause(this.#clock, 700);
    }
    const slot = await hands.opening(() => hands.show('fobs', key.fob));
    await hands.putIn(slot, key.fob);
    this.exchanges += 1;
    if (this.#pulses() - before !== openings) this.wrongPulses += 1;
  }

  /** Exchanges that the cloud knows nothing of, and entries that it has not acknowledged, once it had time to. */
  async owed(): Promise<number> {
    const end = this.#clock.uptime() + TOLD_WITHIN_MS;
    for (;;) {
      const untold = Math.max(0, this.exchanges - (this.#returns() - this.#returnsBefore));
      const owed = untold + (await this.#outbox());
      if (owed === 0 || this.#clock.uptime() >= end) return owed;
      await pause(this.#clock, 50);
    }
  }

  async #outbox(): Promise<number> {
    const { url, token } = this.#site.api;
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${url}/api/v1/status`, { headers });
    return statusSchema.parse(await answer.json()).cloud.outbox;
  }

  #returns(): number {
    return this.#site.cloud.events.filter(({ type }) => RETURNS.includes(type)).length;
  }

  #pulses(): number {
    return this.#slots().reduce((sum, [, { pulses }]) => sum + pulses, 0);
  }

  /** A key whose place the ledger lost is refused until somebody looks and says where it is, as managers do. */
  async #correct(): Promise<void> {
    await this.#closeDoors();
    const [lies] = this.#slots().find(([, { fobs }]) => fobs.includes(key.fob)) ?? [];
    const { url, token } = this.#site.api;
    const place =
      lies === undefined
        ? { kind: 'holder', holder: guest.holder }
        : { kind: 'slot', accessPoint: 'lobby', slot: Number(lies) };
    const answer = await fetch(`${url}/api/v1/keys/${key.key}/place`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...place, why: 'looked' }),
    });
    const outcome = await answer.text();
    if (!answer.ok) throw new Error(`the place of ${key.key} was not corrected: ${outcome}`);
  }

  async #closeDoors(): Promise<void> {
    for (const [slot, { door }] of this.#slots())
      if (door === 'open')
        await this.#site.simulator.hardware
          .handle('box', 'close-door', { slot: Number(slot) })
          .catch(lost);
  }

  #slots(): [string, z.infer<typeof slotSchema>][] {
    return Object.entries(
      boxSchema.parse(this.#site.simulator.hardware.device('box')?.look()).slots,
    );
  }

  async #edit(): Promise<void> {
    this.#rev += 1;
    await this.#site.cloud.putGrant(
      {
        id: guest.grant,
        rev: this.#rev,
        holder: guest.holder,
        targets: [{ kind: 'key', id: key.key }],
        window: { kind: 'ongoing' },
        operations: ['pickup', 'dropoff'],
      },
      [{ id: 'c-ada-pin', kind: 'pin', secret: guest.pin }],
    );
  }

  async #command(): Promise<void> {
    await this.#site.cloud.ask('slot.open', { dev: 'box', slot: COMMANDED_SLOT }).catch(lost);
    await this.#site.simulator.hardware
      .handle('box', 'close-door', { slot: COMMANDED_SLOT })
      .catch(lost);
  }

  /** Somebody has the panel open, and a program asks for the rest. */
  async #look(): Promise<void> {
    const { url, token } = this.#site.api;
    const headers = { authorization: `Bearer ${token}` };
    for (const path of ['status', 'keys', 'grants', 'journal?limit=200']) {
      const answer = await fetch(`${url}/api/v1/${path}`, { headers });
      await answer.text();
    }
  }

  async #lineBreaks(): Promise<void> {
    await this.#site.line.cut();
    await pause(this.#clock, LINE_IS_DOWN_MS);
    await this.#site.line.mend();
  }
}

/** While the line is down nothing is answered, and a door that did not open cannot be closed: neither is the soak's matter. */
function lost(): void {}
