/** `latchkey commission verify`: is this sheet what was signed, and by whom? */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { type PublicJwk, publicHalf, publicJwkSchema } from '../cloud/jose.ts';
import { parseJson } from '../cloud/jws.ts';
import { verifySheet } from '../commission/signed-sheet.ts';
import { SIGNING_KEY, signingKey } from './commission-key.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { printJson, printLine, styled } from './output.ts';

export interface VerifyOptions {
  readonly config?: string;
  readonly set: ReadonlyMap<string, string>;
  readonly key?: string;
  readonly json?: boolean;
}

export function verify(file: string, { config, set, key, json }: VerifyOptions): void {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`no sheet to read: ${why}`, EXIT.badInput);
  }
  const trusted = trustedKey(config, set, key);
  const found = verifySheet(text, trusted);
  if (found.kind === 'refused') {
    process.exitCode = EXIT.failed;
    if (json) printJson({ ok: false, why: found.why });
    else printLine(`${styled('red', 'refused')}  ${file}: ${found.why}`);
    return;
  }
  const { sheet, kid, thumbprint: print, isKnownKey } = found;
  if (json) {
    printJson({ ok: true, result: sheet.result, kid, thumbprint: print, isKnownKey, sheet });
    return;
  }
  printLine(
    `${styled('green', 'intact')}  ${file}: ${sheet.result}, ${sheet.site.id}, ${sheet.endedAt}`,
  );
  printLine(`signed by ${kid}, key ${print}`);
  if (!isKnownKey) {
    printLine(
      'the key is the one that the sheet names itself: --config or --key tells whose it is',
    );
  }
}

function trustedKey(
  config: string | undefined,
  set: ReadonlyMap<string, string>,
  key: string | undefined,
): PublicJwk | undefined {
  if (key !== undefined) return publicKeyIn(key);
  if (config === undefined) return undefined;
  const site = loadConfig(config, { variables: set });
  const path = join(site.store.directory, SIGNING_KEY);
  if (site.secrets.signingKey === undefined && !existsSync(path)) {
    throw new CommandFailure(`this site has no key yet: there is no ${path}`, EXIT.badInput);
  }
  return publicHalf(
    signingKey(site, { credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'] }),
  );
}

function publicKeyIn(path: string): PublicJwk {
  const read = publicJwkSchema.safeParse(parseJson(readFileSync(path)));
  if (read.success) return read.data;
  throw new CommandFailure(`${path}: a public JWK of curve Ed25519 is wanted`, EXIT.badInput);
}
