/** Somebody at the local API who remembers what he was told. */
import { z } from 'zod';
import { type Entry, entrySchema, type Witness } from './witness.ts';

export const STAFF_FOB = '1F00644BB6';
/** A fob shown again is another showing only after it was away for a while. */
const SHOWN_EVERY_MS = 2500;
/** Its door opens to the fob of staff only. */
export const STAFF_SLOT = 16;
const PAGE = 1000;

const devicesSchema = z.looseObject({ devices: z.array(z.looseObject({ online: z.boolean() })) });
const pageSchema = z.looseObject({ entries: z.array(entrySchema) });
const putSchema = z.looseObject({ grant: z.looseObject({ rev: z.int() }) });
const revokedSchema = z.looseObject({ rev: z.int() });
const grantSchema = z.looseObject({
  rev: z.int(),
  revoked: z.looseObject({ rev: z.int() }).nullable(),
});

export interface Followed extends AsyncDisposable {
  /** Resolves once an entry says that somebody was let in; `show` is done before, and again where it did not help. */
  letIn(show: () => void): Promise<void>;
}

export class Caller {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** All from this number on, oldest first. */
  async entriesFrom(seq: number): Promise<readonly Entry[]> {
    const all: Entry[] = [];
    for (let after = Math.max(seq - 1, 0); ; after = all.at(-1)?.seq ?? after) {
      const page = await this.#ask('GET', `journal?order=oldest&limit=${PAGE}&after=${after}`);
      const { entries } = pageSchema.parse(page);
      all.push(...entries);
      if (entries.length < PAGE) return all;
    }
  }

  /** P5, P6: what was acknowledged of grants stands. */
  async grantsHeld(witness: Witness): Promise<readonly string[]> {
    const faults: string[] = [];
    for (const [id, { rev, isRevoked }] of witness.grants) {
      const kept = grantSchema.safeParse(await this.#ask('GET', `grants/${id}`)).data;
      if (kept === undefined && !isRevoked) faults.push(`grant ${id} is lost`);
      if (kept === undefined) continue;
      if (kept.rev < rev && kept.revoked === null)
        faults.push(`grant ${id} is back at revision ${kept.rev} of ${rev}`);
      if (isRevoked && kept.revoked === null) faults.push(`grant ${id} lives again`);
    }
    return faults;
  }

  /** Resolves once everything answers on its wire. */
  async allOnline(): Promise<void> {
    for (;;) {
      const told = devicesSchema.parse(await this.#ask('GET', 'devices'));
      if (told.devices.every(({ online }) => online)) return;
      await new Promise((again) => setTimeout(again, 10));
    }
  }

  async open(slot: number): Promise<void> {
    await this.#ask('POST', `access-points/lobby/slots/${slot}/open`, { why: 'crash' });
  }

  /** The grant that lets somebody in in every life. */
  async putStaff(witness: Witness): Promise<void> {
    if (witness.grants.has('staff')) return;
    await this.put(witness, 'staff', [{ kind: 'fob', number: STAFF_FOB }]);
  }

  async put(witness: Witness, id: string, credentials: readonly object[] = []): Promise<void> {
    const told = await this.#ask('PUT', `grants/${id}`, {
      holder: `holder-of-${id}`,
      credentials,
      targets: [{ kind: 'slot', id: `box:${STAFF_SLOT}` }],
    });
    const { grant } = putSchema.parse(told);
    witness.acknowledged(id, grant.rev, false);
  }

  /** Where it was never acknowledged there may be none. */
  async revoke(witness: Witness, id: string): Promise<void> {
    const told = revokedSchema.safeParse(await this.#ask('DELETE', `grants/${id}`));
    if (told.data !== undefined) witness.acknowledged(id, told.data.rev, true);
  }

  /** Entries as they are made; each is told to the witness. */
  follow(witness: Witness): Followed {
    const end = new AbortController();
    const heard: ((entry: Entry) => void)[] = [];
    const reading = this.#read(`events?after=${witness.lastFolded}`, end.signal, (entry) => {
      witness.told(entry);
      for (const each of heard) each(entry);
    });
    const over = reading.then(
      () => new Error('the stream of entries ended'),
      (error: Error) => error,
    );
    return {
      letIn: async (show) => {
        const isIn = new Promise<undefined>((resolve) => {
          heard.push(({ type }) => {
            if (type === 'access.granted') resolve(undefined);
          });
        });
        show();
        const again = setInterval(show, SHOWN_EVERY_MS);
        const failed = await Promise.race([isIn, over]).finally(() => clearInterval(again));
        if (failed !== undefined) throw failed;
      },
      [Symbol.asyncDispose]: async () => {
        // What was sent before it died is still to be read; a living one would never end.
        await Promise.race([over, new Promise((late) => setTimeout(late, 20))]);
        end.abort();
        await over;
      },
    };
  }

  async #read(path: string, signal: AbortSignal, heard: (entry: Entry) => void): Promise<void> {
    const answer = await fetch(`${this.#url}/api/v1/${path}`, { headers: this.#headers(), signal });
    if (!answer.ok || answer.body === null) throw new Error(`${path}: ${answer.status}`);
    let text = '';
    for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) heard(entrySchema.parse(JSON.parse(data)));
      }
    }
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${this.#url}/api/v1/${path}`, {
      method,
      headers: {
        ...this.#headers(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return answer.json();
  }

  #headers(): Readonly<Record<string, string>> {
    return { authorization: `Bearer ${this.#token}` };
  }
}
