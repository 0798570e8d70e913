/**
 * A sheet under the Ed25519 key of its bridge. Both of its files carry the same compact JWS: the JSON as a member, the
 * text as its last line. What is readable in them must be what was signed.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import {
  type PrivateJwk,
  type PublicJwk,
  privateKeyOf,
  publicHalf,
  publicJwkSchema,
  publicKeyOf,
} from '../cloud/jose.ts';
import { parseJson, signNow, verifyCompact } from '../cloud/jws.ts';
import { type Sheet, sheetSchema, sheetText } from './sheet.ts';

const TYPE = 'latchkey-acceptance';
const SIGNATURE_HEAD = '\nSignature\n';

const fileSchema = z.strictObject({
  v: z.literal(1),
  sheet: z.unknown(),
  key: publicJwkSchema.extend({ crv: z.literal('Ed25519') }).strict(),
  jws: z.string(),
});

export interface SheetFiles {
  readonly json: string;
  readonly text: string;
}

/** `kid` names the bridge. */
export function signSheet(sheet: Sheet, kid: string, jwk: PrivateJwk): SheetFiles {
  const key = publicHalf(jwk);
  const jws = signNow({ sheet, key }, TYPE, { kid, key: privateKeyOf(jwk) });
  return {
    json: `${JSON.stringify({ v: 1, sheet, key, jws }, undefined, 2)}\n`,
    text: `${sheetText(sheet)}${SIGNATURE_HEAD}${jws}\n`,
  };
}

export type VerifiedSheet =
  | {
      readonly kind: 'intact';
      readonly sheet: Sheet;
      readonly kid: string;
      readonly thumbprint: string;
      /** The key is the one that was asked for, not only the one that the sheet names itself. */
      readonly isKnownKey: boolean;
    }
  | { readonly kind: 'refused'; readonly why: string };

/** `trusted`: the bridge's public key. Without it the sheet is held against the key that it brings along. */
export function verifySheet(file: string, trusted?: PublicJwk): VerifiedSheet {
  const jws = tokenIn(file);
  if (jws === undefined) return refused('no acceptance sheet: there is no signature in it');
  const named = keyNamedIn(jws);
  if (named === undefined) return refused('its signature is damaged');
  const key = trusted ?? named;
  const verified = verifyCompact(jws, TYPE, () => publicKeyOf(key));
  if (verified.kind !== 'verified') {
    return refused(
      trusted !== undefined && trusted.x !== named.x
        ? 'it was signed with another key than that of this bridge'
        : 'its signature does not hold: it was changed after it was signed',
    );
  }
  const read = payloadSchema.safeParse(parseJson(verified.payload));
  if (!read.success) return refused('what was signed is no sheet that this version knows');
  const { sheet } = read.data;
  if (!isWhatWasSigned(file, read.data))
    return refused('what one reads in it is not what was signed');
  const { kid } = verified;
  return {
    kind: 'intact',
    sheet,
    kid,
    thumbprint: thumbprint(key),
    isKnownKey: trusted !== undefined,
  };
}

/** RFC 7638, of a key as RFC 8037 writes it. */
export function thumbprint({ crv, kty, x }: PublicJwk): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
}

const payloadSchema = z.strictObject({
  sheet: sheetSchema,
  key: publicJwkSchema.extend({ crv: z.literal('Ed25519') }).strict(),
});

function refused(why: string): VerifiedSheet {
  return { kind: 'refused', why };
}

function tokenIn(file: string): string | undefined {
  const data = fileSchema.safeParse(parseJson(Buffer.from(file)));
  if (data.success) return data.data.jws;
  const at = file.lastIndexOf(SIGNATURE_HEAD);
  return at < 0 ? undefined : file.slice(at + SIGNATURE_HEAD.length).trim();
}

function keyNamedIn(jws: string): PublicJwk | undefined {
  const payload = Buffer.from(jws.split('.')[1] ?? '', 'base64url');
  const read = payloadSchema.safeParse(parseJson(payload));
  return read.success ? read.data.key : undefined;
}

function isWhatWasSigned(file: string, { sheet, key }: z.infer<typeof payloadSchema>): boolean {
  const data = fileSchema.safeParse(parseJson(Buffer.from(file)));
  if (data.success) return isDeepStrictEqual([data.data.sheet, data.data.key], [sheet, key]);
  return file.slice(0, file.lastIndexOf(SIGNATURE_HEAD)) === sheetText(sheet);
}
