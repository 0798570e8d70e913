/** What vendors and their clients ever gave, by code: an opening must rest on something that was given. */
import type { ClockInterval, GrantId } from '../../daemon/access/model.ts';
import { resolveWindow } from '../../daemon/access/window.ts';
import { windowOf } from '../../daemon/vendors/keycafe/mapping.ts';
import type { SimulatedSite } from '../site.ts';
import { OPENS, type VendorWorld } from './vendor-world.ts';

/** Milliseconds since 1970; without an end, for good. */
export interface Given {
  readonly key: string;
  readonly start: number | undefined;
  readonly end: number | undefined;
}

/** Whether it may hold now, by the simplest reading. */
export function mayHold(
  { start, end }: Omit<Given, 'key'>,
  { lo, hi }: Pick<ClockInterval, 'lo' | 'hi'>,
): boolean {
  return (
    !(start !== undefined && start >= Math.max(hi, lo + 1)) && !(end !== undefined && end <= lo)
  );
}

export class GivenByVendors {
  readonly #world: VendorWorld;
  readonly #site: SimulatedSite;
  readonly #byCode = new Map<string, Map<string, Given>>();
  /** Taken back at the box, which said that it is. */
  readonly #dead = new Set<string>();
  #isOver = false;

  constructor(world: VendorWorld, site: SimulatedSite) {
    this.#world = world;
    this.#site = site;
  }

  get codes(): readonly string[] {
    return [...this.#byCode.keys()];
  }

  give(code: string, given: Given): void {
    const all = this.#byCode.get(code) ?? new Map<string, Given>();
    all.set(`${given.key} ${given.start} ${given.end}`, given);
    this.#byCode.set(code, all);
    this.#dead.delete(code);
  }

  takenBack(code: string): void {
    this.#dead.add(code);
  }

  /** Nothing more is given from now on: what a cloud is told by the site itself nobody learns. */
  end(): void {
    this.#isOver = true;
  }

  /** What the clouds have now was given, too, whoever made it. */
  absorb(): void {
    if (this.#isOver) return;
    const { keycafe, seam, intserv } = this.#world;
    for (const { bookingCode, body } of keycafe.accesses.values()) {
      const window = windowOf(body, ZONE);
      const bounds = typeof window === 'string' ? window : resolveWindow(window, ZONE);
      if (typeof bounds !== 'string') this.#add(bookingCode, { ...bounds, key: OPENS.keycafe.key });
    }
    for (const { code, starts_at, ends_at } of seam.codes.values())
      this.#add(code, { key: OPENS.seam.key, start: moment(starts_at), end: moment(ends_at) });
    for (const { body } of intserv.keys.values()) {
      const { valid_from_date, valid_to_date } = body;
      const bounds = { start: moment(valid_from_date), end: moment(valid_to_date) };
      this.#add(body.key?.identification ?? '', { key: OPENS.intserv.key, ...bounds });
    }
  }

  /** Why an opening under a grant of theirs must not be. */
  objection(
    grant: GrantId,
    clock: Pick<ClockInterval, 'lo' | 'hi'>,
    key: unknown,
  ): string | undefined {
    const { desk } = this.#site.daemon;
    const credentials = desk.grants.grant(grant)?.grant.credentials ?? [];
    const shown = new Set(credentials.map(({ index }) => Buffer.from(index).toString('hex')));
    const codes = this.codes.filter((code) =>
      shown.has(Buffer.from(desk.secrets.index('pin', code, grant).index).toString('hex')),
    );
    if (codes.length === 0) return 'nobody ever gave its code';
    if (codes.some((code) => this.#dead.has(code))) return 'it was taken back at the box';
    const given = codes.flatMap((code) => [...(this.#byCode.get(code)?.values() ?? [])]);
    const fits = given.filter((each) => key === undefined || key === each.key);
    if (fits.length === 0) return `it was never given for ${String(key)}`;
    return fits.some((each) => mayHold(each, clock)) ? undefined : 'it was never given for now';
  }

  /** As `give`, but nothing that was taken back lives again. */
  #add(code: string, given: Given): void {
    const wasDead = this.#dead.has(code);
    this.give(code, given);
    if (wasDead) this.#dead.add(code);
  }
}

export const ZONE = 'Europe/Stockholm';

function moment(text: string | null | undefined): number | undefined {
  return text == null ? undefined : Date.parse(text);
}
