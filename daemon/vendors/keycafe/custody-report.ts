/**
 * Telling Keycafe where keys are (vendor-apis 2.7). There is no call by which other hardware reports a pick-up; what
 * comes nearest is to correct the inventory of its bins, or to flip a key by its exchange operation where that is on.
 */
import { textIn } from '../../access/body.ts';
import type { KeyCustody } from '../../access/ledger.ts';
import { VendorError } from '../http.ts';
import type { VendorHost } from '../vendor-host.ts';
import type { VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import type { KeycafePlaces } from './thing.ts';

export interface CustodyReportParts {
  readonly sync: VendorSync;
  readonly host: VendorHost;
  readonly places: KeycafePlaces;
  readonly byExchange: boolean;
}

export class CustodyReport {
  readonly #parts: CustodyReportParts;

  constructor(parts: CustodyReportParts) {
    this.#parts = parts;
  }

  /** After a complete reading, whose picture of each key is compared with the ledger's. @throws VendorError */
  async run(signal: AbortSignal): Promise<void> {
    const { sync } = this.#parts;
    for (const [id, record] of [...sync.records()]) {
      if (record.kind !== 'key' || record.ref === undefined || record.state !== 'in-step') continue;
      const custody = sync.desk.journal.ledger.get('key', id);
      if (custody === undefined || custody.place.kind === 'unknown' || signal.aborted) continue;
      await this.#report(id, record, custody, signal);
    }
  }

  async #report(
    id: string,
    record: VendorRecord,
    { place }: KeyCustody,
    signal: AbortSignal,
  ): Promise<void> {
    const { byExchange } = this.#parts;
    const bin = place.kind === 'slot' ? this.#binOf(`${place.box}:${place.slot}`) : undefined;
    const isIn = record.extra?.['at'] === 'location';
    const isOut = record.extra?.['at'] === 'user';
    // Kept with the record: a pick-up is told though the daemon ended in between.
    const told = textIn(record.extra ?? {}, 'bin');
    try {
      if (bin !== undefined && (!isIn || told !== bin)) {
        await this.#fill(bin, record.ref ?? '', signal);
        await this.#keep(id, bin);
      } else if (place.kind === 'holder' && isIn && told !== undefined) {
        await this.#empty(told, signal);
        await this.#keep(id, undefined);
      } else if (
        byExchange &&
        ((place.kind === 'slot' && isOut) || (place.kind === 'holder' && isIn))
      ) {
        await this.#parts.host.call({ method: 'PUT', path: `/key/${record.ref}/exchange`, signal });
      }
    } catch (error) {
      // What one key comes to must not keep the others from being told.
      const isOfThisOne =
        error instanceof VendorError &&
        ['refused', 'not-found', 'malformed', 'server'].includes(error.code);
      if (!isOfThisOne) throw error;
      await this.#refused(id, record, error);
    }
  }

  #fill(bin: string, key: string, signal: AbortSignal): Promise<unknown> {
    const { host } = this.#parts;
    return host.call({
      method: 'PUT',
      path: `/bin/${bin}`,
      body: { key: { id: Number(key) } },
      signal,
    });
  }

  #empty(bin: string, signal: AbortSignal): Promise<unknown> {
    const { host } = this.#parts;
    return host.call({ method: 'PUT', path: `/bin/${bin}`, body: { key: null }, signal });
  }

  /** The bin that Keycafe has the key in, as it was told. */
  #keep(id: string, bin: string | undefined): Promise<void> {
    const { sync } = this.#parts;
    return sync.alone(async () => {
      const record = sync.record(id);
      if (record === undefined) return;
      const { bin: _before, ...kept } = record.extra ?? {};
      const extra = { ...kept, ...(bin === undefined ? {} : { bin }) };
      const next = sync.changed(record, record.state, { extra });
      await sync.applyNow([{ id, record: next }], { by: 'keycafe' });
    });
  }

  async #refused(id: string, record: VendorRecord, error: VendorError): Promise<void> {
    const { sync } = this.#parts;
    if (record.detail === error.message) return;
    const next = sync.changed(record, record.state, { detail: error.message });
    const body = { vendor: 'keycafe', key: id, what: 'place', detail: error.message };
    await sync.apply([{ id, record: next }], {
      by: 'keycafe',
      entries: [{ type: 'grant.vendor_drift', body }],
    });
  }

  #binOf(slot: string): string | undefined {
    return Object.entries(this.#parts.places.bins).find(([, each]) => each === slot)?.[0];
  }
}
