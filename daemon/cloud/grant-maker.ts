/** From a grant as it is sent to one as it is stored: numbers are unsealed, PINs drawn, and only their index is kept. */
import type { KeyObject } from 'node:crypto';
import type { Credential, Grant } from '../access/model.ts';
import type { GrantStore } from '../store/ports.ts';
import { unseal } from './jose.ts';
import type { ReplyCode } from './messages.ts';
import type { CredentialDesk } from './site-actions.ts';
import {
  credentialIdOf,
  grantIdOf,
  isPlausible,
  outlineOf,
  type WireCredential,
  type WireGrant,
} from './wire-grant.ts';

export interface GrantMakerParts {
  readonly grants: Pick<GrantStore, 'grant'>;
  readonly desk: CredentialDesk;
  /** Private half of the bridge's sealing key. */
  readonly sealingKey: KeyObject;
}

export type Made =
  | { readonly kind: 'grant'; readonly grant: Grant; readonly pins: ReadonlyMap<string, string> }
  | { readonly kind: 'refused'; readonly code: ReplyCode; readonly msg: string };

export class GrantMaker {
  readonly #parts: GrantMakerParts;

  constructor(parts: GrantMakerParts) {
    this.#parts = parts;
  }

  /** `mayDraw`: PINs may be drawn, since there is somebody to seal them for; `pins` of the result are in clear text. */
  async make(wire: WireGrant, mayDraw: boolean): Promise<Made> {
    const credentials: Credential[] = [];
    const pins = new Map<string, string>();
    for (const [place, each] of wire.credentials.entries()) {
      const made =
        each.sealed === undefined
          ? this.#draw(wire, each, mayDraw, pins)
          : await this.#opened(wire, each, each.sealed);
      if (typeof made === 'string') {
        return { kind: 'refused', code: codeOf(made), msg: `credentials[${place}]: ${made}` };
      }
      credentials.push(made);
    }
    return { kind: 'grant', grant: { ...outlineOf(wire), credentials }, pins };
  }

  async #opened(
    { id }: WireGrant,
    credential: WireCredential,
    sealed: string,
  ): Promise<Credential | string> {
    const { desk, sealingKey } = this.#parts;
    const { kind } = credential;
    const secret = await unseal(sealed, sealingKey);
    if (secret === undefined) return 'not sealed for this bridge';
    if (!isPlausible(kind, secret)) return 'not a credential of its kind';
    const indexed = checked(() => desk.index(kind, secret, grantIdOf(id)));
    if (indexed === undefined) return 'not a credential of its kind';
    return { ...plainPart(credential), ...indexed };
  }

  /** A PIN is drawn once for a credential of a grant; a repeated or later put finds it and keeps it. */
  #draw(
    wire: WireGrant,
    credential: WireCredential,
    mayDraw: boolean,
    pins: Map<string, string>,
  ): Credential | string {
    if (credential.kind !== 'pin') return 'a number that is not sealed';
    const { desk, grants } = this.#parts;
    const grant = grantIdOf(wire.id);
    const stored = grants.grant(grant)?.grant.credentials.find(({ id }) => id === credential.id);
    if (stored?.kind === 'pin' && stored.sealed !== undefined) {
      const digits = desk.reveal(stored.sealed, grant);
      if (digits !== undefined) {
        pins.set(credential.id, digits);
        const { index, sealed } = stored;
        return { ...plainPart(credential), index, sealed, digits: digits.length };
      }
    }
    if (!mayDraw) return 'a PIN to be drawn needs a replyKey, and grant.put';
    const digits = desk.drawPin(credential.digits);
    if (digits === undefined) return CODE_SPACE;
    pins.set(credential.id, digits);
    const { index } = desk.index('pin', digits, grant);
    const sealed = desk.keep(digits, grant);
    return { ...plainPart(credential), index, sealed, digits: digits.length };
  }
}

/** What a desk refuses is no fault of ours. */
export function checked<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (problem) {
    if (problem instanceof RangeError) return undefined;
    throw problem;
  }
}

const CODE_SPACE = 'too few codes are left';

function codeOf(fault: string): ReplyCode {
  return fault === CODE_SPACE ? 'limit_exceeded' : 'bad_request';
}

function plainPart({ id, kind, combineWith, duress }: WireCredential) {
  return {
    id: credentialIdOf(id),
    kind,
    ...(combineWith === undefined ? {} : { combineWith }),
    ...(duress === undefined ? {} : { duress }),
  };
}
