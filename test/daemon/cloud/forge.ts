/** Commands as an honest cloud makes them, and every way to bend one. */
import { sign } from 'node:crypto';
import type { ClientKeyFile } from '../../../daemon/cloud/client-key.ts';
import { type CommandType, RULES } from '../../../daemon/cloud/commands.ts';
import { privateKeyOf } from '../../../daemon/cloud/jose.ts';
import { COMMAND_TYP } from '../../../daemon/cloud/messages.ts';
import { uuid7 } from '../../../daemon/store/chain.ts';
import type { Clock, Random } from '../../../drivers/contract/time.ts';
import { BRIDGE } from './bridge.ts';

export interface Made {
  readonly id: string;
  readonly type: string;
  readonly token: string;
}

export class Forge {
  readonly #key: ClientKeyFile;
  readonly #clock: Clock;
  readonly #random: Random;
  #counter = 0;

  constructor(key: ClientKeyFile, clock: Clock, random: Random) {
    this.#key = key;
    this.#clock = clock;
    this.#random = random;
  }

  /** `change` overwrites fields of the envelope, `header` of the protected header; `undefined` removes. */
  make(
    type: CommandType,
    body: object,
    nonce: string | undefined,
    bend: { readonly change?: object; readonly header?: object; readonly key?: ClientKeyFile } = {},
  ): Made {
    this.#counter += 1;
    const iat = Math.floor(this.#clock.now() / 1000);
    const id = uuid7(this.#clock.now(), this.#random);
    const envelope = {
      v: 1,
      id,
      type,
      aud: BRIDGE,
      iat,
      exp: iat + RULES[type].life,
      ctr: this.#counter,
      ...(nonce === undefined ? {} : { nonce }),
      requester: 'cc',
      body,
      ...bend.change,
    };
    const { kid, jwk } = bend.key ?? this.#key;
    const header = { alg: 'Ed25519', kid, typ: COMMAND_TYP, ...bend.header };
    return {
      id,
      type,
      token: compact(header, envelope, (text) => sign(null, text, privateKeyOf(jwk))),
    };
  }
}

export function compact(
  header: object,
  payload: object,
  mac: (text: Buffer) => Uint8Array,
): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part(header)}.${part(payload)}`;
  return `${text}.${Buffer.from(mac(Buffer.from(text))).toString('base64url')}`;
}
