/** IntServ's access keys and our grants, both ways (vendor-apis 4.7). */
import type { Instant } from '../../../drivers/contract/time.ts';
import {
  type Credential,
  credentialId,
  type Grant,
  type GrantId,
  type Target,
  type Window,
} from '../../access/model.ts';
import type { VendorSecrets } from '../desk.ts';
import { instantOf } from '../moment.ts';
import { cardNumbersIn, cutCode, normalised, readerText } from './card-number.ts';
import type { KeySpec } from './wire.ts';

/** From the config. */
export interface IntservPlaces {
  /** Access levels of the config, by IntServ's id. */
  readonly levels: Readonly<Record<string, string>>;
  readonly codeLength: number;
  /** Digits that keypads here take; longer codes are cut from the left. */
  readonly codeMost?: number;
}

export type KeyFault = 'identification-invalid' | 'code-invalid';

/** What is the same however it was written; the key of an upsert. */
export function keyText({ type, identification }: KeySpec): string | KeyFault {
  const text = identification ?? '';
  if (type === 'code') return /^\d{4,16}$/.test(text) ? `code:${text}` : 'code-invalid';
  const numbers = cardNumbersIn(text);
  return numbers === undefined ? 'identification-invalid' : normalised(numbers);
}

/** Each chip of a tag is one way to show the key; its PIN only counts together with one of them. */
export function credentialsOf(
  spec: KeySpec,
  pin: string | undefined,
  grant: GrantId,
  secrets: VendorSecrets,
  { codeMost }: Pick<IntservPlaces, 'codeMost'>,
): readonly Credential[] {
  const text = spec.identification ?? '';
  if (spec.type === 'code') {
    const code = cutCode(text, codeMost);
    return [pinOf('intserv:code', code, grant, secrets)];
  }
  const cards = (cardNumbersIn(text) ?? []).map(
    (number): Credential => ({
      id: credentialId(`intserv:${number.technology.toLowerCase()}`),
      kind: 'card',
      index: secrets.indexFob(readerText(number)),
    }),
  );
  const named = cards.map((card, at) =>
    at === 0 ? card : { ...card, id: credentialId(`${card.id}-${at + 1}`) },
  );
  if (pin === undefined) return named;
  const { sealed: _unneeded, ...second } = pinOf('intserv:pin', pin, grant, secrets);
  return [...named, { ...second, combineWith: 'card' }];
}

function pinOf(id: string, digits: string, grant: GrantId, secrets: VendorSecrets): Credential {
  const { index } = secrets.index('pin', digits, grant);
  return {
    id: credentialId(id),
    kind: 'pin',
    index,
    digits: digits.length,
    sealed: secrets.keep(digits, grant),
  };
}

/** Both missing: ongoing. @returns `undefined` when it ends before it begins */
export function windowOf(
  from: string | null | undefined,
  to: string | null | undefined,
): Window | undefined {
  const start = from == null ? undefined : instantOf(from, 'start');
  const end = to == null ? undefined : instantOf(to, 'end');
  if (start === undefined && end === undefined) return { kind: 'ongoing' };
  if (start !== undefined && end !== undefined && start >= end) return undefined;
  return {
    kind: 'instants',
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
  };
}

/** UTC with whole seconds, as in the page's examples; rounded so that nothing gets wider. */
export function datesOf(start: Instant | undefined, end: Instant | undefined) {
  return {
    valid_from_date: start === undefined ? null : iso(Math.ceil(start / 1000)),
    valid_to_date: end === undefined ? null : iso(Math.floor(end / 1000)),
  };
}

export function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** The targets of these levels; one that the config does not name opens nothing here. */
export function targetsOf(
  levels: readonly string[],
  names: Readonly<Record<string, string>>,
): readonly Target[] {
  return levels.flatMap((level): Target[] => {
    const name = names[level];
    return name === undefined ? [] : [{ kind: 'access_level', id: name }];
  });
}

/** Why a grant of ours cannot be an access key of theirs without being wider there (P5). */
export function cannotExpress(grant: Grant, levels: readonly string[]): string | undefined {
  if (grant.schedule !== undefined) return 'IntServ takes no weekly hours with a key';
  if (grant.uses !== undefined) return 'IntServ counts no uses';
  if ((grant.unsupported ?? []).length > 0) return 'it has a limit that is not known here either';
  if (levels.length === 0) return 'none of its targets is an access level of IntServ';
  return undefined;
}
