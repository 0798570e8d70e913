/** Secrets that the config names: whether they are there, and for their owner only. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { secretReferences } from '../../config/secrets.ts';
import { type Account, may } from './account.ts';
import { advice, type Finding, fault, well } from './finding.ts';

/** Where `systemd-creds` and the unit keep them. */
const SEALED = ['/etc/credstore.encrypted', '/etc/credstore'] as const;

export function secretFindings(
  config: Config,
  account: Account,
  credentials: string | undefined,
  sealed: readonly string[] = SEALED,
): readonly Finding[] {
  const found = new Map<string, string>();
  for (const [name, part] of Object.entries(config)) {
    for (const { reference, path } of secretReferences(part, name)) {
      if (!found.has(reference)) found.set(reference, path);
    }
  }
  return [...found].map(([reference, path]) =>
    reference.startsWith('file:')
      ? ofFile(reference.slice('file:'.length), path, account)
      : ofCredential(reference.slice('credential:'.length), path, credentials, sealed),
  );
}

function ofFile(file: string, path: string, account: Account): Finding {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) {
    return fault('secrets', `${path}: there is no ${file}`, 'put it there, or name another file');
  }
  if (stats.size === 0)
    return fault('secrets', `${path}: ${file} is empty`, 'put the secret in it');
  if ((stats.mode & 0o077) !== 0) {
    return fault('secrets', `${path}: others may read ${file}`, `chmod 600 ${file}`);
  }
  return may(account, stats, 'read')
    ? well('secrets', `${path}: ${file}, for ${account.name} only`)
    : fault(
        'secrets',
        `${path}: ${account.name} may not read ${file}`,
        `chown ${account.name}: ${file}`,
      );
}

function ofCredential(
  name: string,
  path: string,
  credentials: string | undefined,
  sealed: readonly string[],
): Finding {
  if (credentials !== undefined && existsSync(join(credentials, name))) {
    return well('secrets', `${path}: given by the service manager`);
  }
  const there = sealed
    .flatMap((folder) => [join(folder, `latchkey.${name}`), join(folder, name)])
    .find((file) => existsSync(file));
  if (there !== undefined) return well('secrets', `${path}: sealed in ${there}`);
  const remedy = `systemd-creds encrypt --name=${name} FILE ${SEALED[0]}/latchkey.${name}, and LoadCredentialEncrypted=${name}:… in the unit`;
  return process.getuid?.() === 0
    ? fault('secrets', `${path}: there is no credential ${name}`, remedy)
    : advice(
        'secrets',
        `${path}: credential ${name} cannot be seen from here`,
        `ask as root; or ${remedy}`,
      );
}
