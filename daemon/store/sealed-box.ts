/**
 * Everything a spare unit needs, in one file under a passphrase: scrypt, then AES-256-GCM over the gzipped content,
 * with the first lines as additional data. What was changed, cut short or opened with another passphrase is refused.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { StorageError } from './ports.ts';

const MAGIC = 'LATCHKEY-UNIT-1\n';
/** 128 MiB and most of a second for each try on a Pi. */
const COST = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 } as const;
const TAG = 16;
/** Beyond that the content is not held in memory. */
const LARGEST = 300 * 1024 * 1024;

const headerSchema = z.strictObject({
  salt: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  nonce: z.string().regex(/^[A-Za-z0-9_-]{16}$/),
});

const fileSchema = z.strictObject({
  /** `store`: beside the databases. `path`: where the config and its secrets lie, absolute. */
  place: z.enum(['store', 'path']),
  name: z.string().min(1).max(1024),
  sha256: z.string(),
  data: z.base64(),
  /** Of a `path`: who may read it. Missing: its owner alone. */
  mode: z.int().min(0).max(0o777).optional(),
});

const contentSchema = z.strictObject({
  v: z.literal(1),
  site: z.string(),
  bridge: z.string().nullable(),
  made: z.string(),
  /** Of the unit that made it. */
  generation: z.int().positive(),
  /** That unit has fenced itself: it does not act any more. */
  handedOver: z.boolean(),
  /** Secrets that the service manager holds, to be brought by hand. */
  missing: z.array(z.string()),
  files: z.array(fileSchema),
});
export type UnitContent = z.infer<typeof contentSchema>;
export type UnitFile = UnitContent['files'][number];

export function unitFile(place: UnitFile['place'], name: string, bytes: Uint8Array): UnitFile {
  const data = Buffer.from(bytes);
  return { place, name, sha256: sha256(data), data: data.toString('base64') };
}

export function bytesOf({ data }: UnitFile): Buffer {
  return Buffer.from(data, 'base64');
}

/** So many first bytes are enough to tell. */
export const MAGIC_BYTES = MAGIC.length;

export function isSealedUnit(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, MAGIC.length)).toString('latin1') === MAGIC;
}

export async function sealUnit(content: UnitContent, passphrase: string): Promise<Buffer> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const header = { salt: salt.toString('base64url'), nonce: nonce.toString('base64url') };
  const head = Buffer.from(`${MAGIC}${JSON.stringify(header)}\n`);
  const plain = await promisify(gzip)(JSON.stringify(content));
  if (plain.length > LARGEST) throw new StorageError('full', `${plain.length} bytes are too many`);
  const cipher = createCipheriv('aes-256-gcm', await keyOf(passphrase, salt), nonce);
  cipher.setAAD(head);
  return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws StorageError `corrupt`: not such a file, another passphrase, or changed since. */
export async function openUnit(bytes: Uint8Array, passphrase: string): Promise<UnitContent> {
  const whole = Buffer.from(bytes);
  const end = whole.indexOf('\n', MAGIC.length) + 1;
  if (!isSealedUnit(whole) || end === 0 || whole.length < end + TAG) throw notOurs();
  const head = whole.subarray(0, end);
  const header = headerSchema.safeParse(jsonIn(head.subarray(MAGIC.length).toString()));
  if (!header.success) throw notOurs();
  const salt = Buffer.from(header.data.salt, 'base64url');
  const nonce = Buffer.from(header.data.nonce, 'base64url');
  const cipher = createDecipheriv('aes-256-gcm', await keyOf(passphrase, salt), nonce);
  cipher.setAAD(head);
  cipher.setAuthTag(whole.subarray(whole.length - TAG));
  let plain: Buffer;
  try {
    plain = Buffer.concat([cipher.update(whole.subarray(end, -TAG)), cipher.final()]);
  } catch {
    throw new StorageError('corrupt', 'another passphrase, or the file was changed');
  }
  const text = (await promisify(gunzip)(plain)).toString();
  const read = contentSchema.safeParse(jsonIn(text));
  if (!read.success) throw new StorageError('newer-version', 'its content is not understood here');
  for (const file of read.data.files) {
    if (!timingSafeEqual(Buffer.from(sha256(bytesOf(file))), Buffer.from(file.sha256)))
      throw new StorageError('corrupt', `${file.name} is not what was put in`);
  }
  return read.data;
}

/** 150 bits, in groups that can be read out. */
export function drawPassphrase(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  const drawn = [...randomBytes(30)].map((byte) => letters[byte % letters.length]).join('');
  return (drawn.match(/.{5}/g) ?? []).join('-');
}

function keyOf(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, 32, COST, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notOurs(): StorageError {
  return new StorageError('corrupt', 'this is no file that `latchkey backup` made');
}
