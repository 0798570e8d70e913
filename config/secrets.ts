/** Secrets by reference: `credential:NAME` (given by systemd) or `file:/PATH` (readable by its owner only). */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../drivers/contract/errors.ts';

/** A reference to a secret. */
export const SECRET = /^(credential:[A-Za-z0-9._-]{1,64}|file:\/.{1,1024})$/;

/** Keys, tokens, certificates: nothing that is a secret is larger. */
const LARGEST = 64 * 1024;

export interface SecretSource {
  /** `$CREDENTIALS_DIRECTORY` of the service; without it no `credential:` can be read. */
  readonly credentialsDirectory: string | undefined;
}

/** @param path where in the config the reference stands, for the fault. @throws ConfigError */
export function readSecret(reference: string, path: string, source: SecretSource): Uint8Array {
  const file = fileOf(reference, path, source);
  let bytes: Uint8Array;
  try {
    const { mode, size } = statSync(file);
    // systemd gives the service its right by an access list, which shows in the bits of the group.
    const others = reference.startsWith('credential:') ? 0o007 : 0o077;
    if ((mode & others) !== 0) {
      const found = `${reference}, mode ${(mode & 0o777).toString(8).padStart(4, '0')}`;
      throw fault(path, found, `a file that only its owner may read: chmod 600 ${file}`);
    }
    if (size > LARGEST) throw fault(path, `${reference}, ${size} bytes`, `at most ${LARGEST}`);
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw fault(path, `${reference} (${code})`, `a readable file at ${file}`);
  }
  if (bytes.length === 0) throw fault(path, `${reference}, empty`, 'the secret itself in the file');
  return bytes;
}

/** The same as text, without the line end that editors leave. @throws ConfigError */
export function readSecretText(reference: string, path: string, source: SecretSource): string {
  return new TextDecoder().decode(readSecret(reference, path, source)).replace(/\r?\n$/, '');
}

/** 32 bytes, raw or as 64 hex digits: the pepper and keys like it. @throws ConfigError */
export function readSecretKey(reference: string, path: string, source: SecretSource): Uint8Array {
  const bytes = readSecret(reference, path, source);
  if (bytes.length === 32) return bytes;
  const text = new TextDecoder().decode(bytes).trim();
  if (/^[0-9A-Fa-f]{64}$/.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
  throw fault(
    path,
    `${reference}, ${bytes.length} bytes`,
    '32 random bytes, or their 64 hex digits',
  );
}

/** Every reference in driver options, whatever they are called, with where it stands. */
export function secretReferences(
  options: unknown,
  path: string,
): readonly { readonly reference: string; readonly path: string }[] {
  if (typeof options === 'string')
    return SECRET.test(options) ? [{ reference: options, path }] : [];
  if (typeof options !== 'object' || options === null) return [];
  return Object.entries(options).flatMap(([name, value]) =>
    secretReferences(value, Array.isArray(options) ? `${path}[${name}]` : `${path}.${name}`),
  );
}

function fileOf(reference: string, path: string, source: SecretSource): string {
  if (!SECRET.test(reference)) {
    throw fault(path, '(hidden)', 'credential:NAME, or file:/PATH');
  }
  if (reference.startsWith('file:')) return reference.slice('file:'.length);
  if (source.credentialsDirectory === undefined) {
    throw fault(
      path,
      reference,
      'LoadCredential= in the unit, or file:/PATH where the daemon is not run by systemd',
    );
  }
  return join(source.credentialsDirectory, reference.slice('credential:'.length));
}

function fault(path: string, found: string, remedy: string): ConfigError {
  return new ConfigError([{ path, found, remedy }]);
}
