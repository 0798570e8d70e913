/**
 * People who log in to the panel. There is no default password: the first account is made with a setup code that lies
 * in the store's directory, for whoever may read that, and is good once.
 */
import { argon2, timingSafeEqual } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Instant, type Random, randomInteger } from '../../drivers/contract/time.ts';
import { writeDurably } from '../store/durable-file.ts';
import { SCOPES, type Scope } from './endpoint.ts';

const FILE = 'api-accounts.json';
const SETUP_CODE = 'setup-code';
const ACCOUNTS_MAX = 64;
export const PASSWORD_LEAST = 12;
/** OWASP's least for Argon2id: 19 MiB, two passes. */
const HASHING = { parallelism: 1, tagLength: 32, memory: 19_456, passes: 2 } as const;
/** Without letters and digits that are taken for one another. */
const CODE_LETTERS = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';
const CODE_LENGTH = 16;

const hex = z.string().regex(/^([0-9a-f]{2})+$/);
const fileSchema = z.strictObject({
  v: z.literal(1),
  accounts: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z0-9-]{1,32}$/),
        scope: z.enum(SCOPES),
        salt: hex,
        /** Argon2id of the password. */
        hash: hex,
        made: z.int(),
      }),
    )
    .max(ACCOUNTS_MAX),
});

type Account = z.infer<typeof fileSchema>['accounts'][number];

export type SetupResult = 'made' | 'wrong-code' | 'set-up-before';
/** `last-admin`: nobody could make an account any more. `too-many`: one has to go first. `no-password`: a new one needs it. */
export type PutResult = 'put' | 'last-admin' | 'too-many' | 'no-password';

export class Accounts {
  readonly #directory: string | undefined;
  readonly #random: Random;
  #accounts: readonly Account[];
  #setupCode: string | undefined;

  /**
   * @param directory of the store; undefined keeps everything in memory.
   * @param broken told of accounts that cannot be read: they are set up anew, and no door waits for that.
   */
  constructor(
    directory: string | undefined,
    random: Random,
    broken: (error: unknown, where: string) => void = () => {},
  ) {
    this.#directory = directory;
    this.#random = random;
    try {
      this.#accounts = this.#read();
    } catch {
      // What a parser says of it may quote it.
      broken(new Error('cannot be read: who had an account is set up anew'), FILE);
      this.#accounts = [];
    }
    this.#setupCode = this.#accounts.length > 0 ? undefined : this.#readOrDrawCode();
  }

  get isSetUp(): boolean {
    return this.#accounts.length > 0;
  }

  get setupCode(): string | undefined {
    return this.#setupCode;
  }

  get names(): readonly { readonly name: string; readonly scope: Scope }[] {
    return this.#accounts.map(({ name, scope }) => ({ name, scope }));
  }

  /** The first account may do everything. */
  async setUp(code: string, name: string, password: string, made: Instant): Promise<SetupResult> {
    const right = this.#setupCode;
    if (right === undefined) return 'set-up-before';
    if (!sameText(code.toUpperCase().replaceAll(/[^A-Z0-9]/g, ''), right)) return 'wrong-code';
    this.#setupCode = undefined; // good once, also for two who ask at one time
    try {
      await this.put(name, 'admin', password, made);
    } catch (error) {
      this.#setupCode = right; // nobody was made by it
      throw error;
    }
    if (this.#directory !== undefined) rmSync(join(this.#directory, SETUP_CODE), { force: true });
    return 'made';
  }

  /**
   * Makes an account, or gives it another scope, and another password where one is given. The last that may do
   * everything goes on doing so.
   */
  async put(
    name: string,
    scope: Scope,
    password: string | undefined,
    made: Instant,
  ): Promise<PutResult> {
    const salt = this.#random.bytes(16);
    const given =
      password === undefined
        ? undefined
        : { salt: hexOf(salt), hash: hexOf(await hashed(password, salt)) };
    // Looked at after the hashing, during which others may have been changed.
    const kept = given ?? this.#accounts.find((each) => each.name === name);
    if (kept === undefined) return 'no-password';
    const account = { name, scope, salt: kept.salt, hash: kept.hash, made: Math.floor(made) };
    const next = [...this.#accounts.filter((each) => each.name !== name), account];
    if (this.#losesAdmin(next)) return 'last-admin';
    if (next.length > ACCOUNTS_MAX) return 'too-many';
    this.#write(next);
    return 'put';
  }

  /** A site whose admin is a token may have accounts that only read. */
  #losesAdmin(next: readonly Account[]): boolean {
    return this.#accounts.some(isAdmin) && !next.some(isAdmin);
  }

  /** False where there is none of that name. The last that may do everything cannot be taken away. */
  remove(name: string): boolean {
    const rest = this.#accounts.filter((each) => each.name !== name);
    if (rest.length === this.#accounts.length) return false;
    if (this.#losesAdmin(rest)) {
      throw new RangeError('the last account with scope admin');
    }
    this.#write(rest);
    return true;
  }

  /** A name that does not exist takes as long as a wrong password. */
  async login(name: string, password: string): Promise<Scope | undefined> {
    const account = this.#accounts.find((each) => each.name === name);
    const salt = Buffer.from(account?.salt ?? '00'.repeat(16), 'hex');
    const hash = await hashed(password, salt);
    // Taken away, or given another password, while it was hashed: this one is over.
    if (account === undefined || !this.#accounts.includes(account)) return undefined;
    return timingSafeEqual(hash, Buffer.from(account.hash, 'hex')) ? account.scope : undefined;
  }

  #read(): readonly Account[] {
    const text = this.#textOf(FILE);
    return text === undefined ? [] : fileSchema.parse(JSON.parse(text)).accounts;
  }

  #readOrDrawCode(): string {
    const kept = this.#textOf(SETUP_CODE)?.trim();
    if (kept !== undefined && kept.length === CODE_LENGTH) return kept;
    const code = Array.from(
      { length: CODE_LENGTH },
      () => CODE_LETTERS[randomInteger(this.#random, CODE_LETTERS.length)],
    ).join('');
    this.#put(SETUP_CODE, `${code}\n`);
    return code;
  }

  #write(accounts: readonly Account[]): void {
    this.#put(FILE, `${JSON.stringify(fileSchema.parse({ v: 1, accounts }), undefined, 2)}\n`);
    this.#accounts = accounts;
  }

  #textOf(file: string): string | undefined {
    if (this.#directory === undefined) return undefined;
    try {
      return readFileSync(join(this.#directory, file), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #put(file: string, text: string): void {
    if (this.#directory === undefined) return;
    writeDurably(join(this.#directory, file), text);
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function isAdmin({ scope }: Account): boolean {
  return scope === 'admin';
}

function hashed(password: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const message = password.normalize('NFC');
    argon2('argon2id', { message, nonce: salt, ...HASHING }, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    );
  });
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
