/** The lock's side of pairing, on one connection. */

import {
  authenticator,
  isAuthentic,
  longTermKey,
  publicKey,
  sharedSecret,
} from '../../drivers/nuki/crypto.ts';
import { COMMAND, type Message, readU16, u16, u32 } from '../../drivers/nuki/frame.ts';
import { joinBytes } from '../../drivers/wire/hex.ts';

export interface PairingHost {
  readonly privateKey: Uint8Array;
  readonly uuid: Uint8Array;
  random(length: number): Uint8Array;
  isPairing(): boolean;
  /** The number of a new authorization, which holds once confirmed. */
  reserve(): number;
  paired(id: number, key: Uint8Array, name: string): void;
}

const NOT_PAIRING = 0x10;
const BAD_AUTHENTICATOR = 0x11;
const BAD_PARAMETER = 0x12;

export class NukiPairing {
  readonly #host: PairingHost;
  #theirs: Uint8Array | undefined;
  #key: Uint8Array = new Uint8Array(32);
  #challenge: Uint8Array = new Uint8Array(32);
  #reserved: { readonly id: number; readonly name: string } | undefined;

  constructor(host: PairingHost) {
    this.#host = host;
  }

  /** One message on the pairing characteristic, and the answer to it. */
  hear({ command, payload }: Message): Message {
    const host = this.#host;
    if (!host.isPairing()) return failure(NOT_PAIRING, command);
    switch (command) {
      case COMMAND.requestData:
        if (readU16(payload, 0) !== COMMAND.publicKey) return failure(BAD_PARAMETER, command);
        return { command: COMMAND.publicKey, payload: publicKey(host.privateKey) };
      case COMMAND.publicKey:
        this.#theirs = payload;
        this.#key = longTermKey(sharedSecret(host.privateKey, payload));
        return this.#challenged();
      case COMMAND.authorizationAuthenticator: {
        const expected = authenticator(
          this.#key,
          this.#theirs ?? new Uint8Array(32),
          publicKey(host.privateKey),
          this.#challenge,
        );
        if (!isAuthentic(expected, payload)) return failure(BAD_AUTHENTICATOR, command);
        return this.#challenged();
      }
      case COMMAND.authorizationData: {
        const [proof, body] = [payload.subarray(0, 32), payload.subarray(32)];
        if (body.length !== 69) return failure(BAD_PARAMETER, command);
        const expected = authenticator(this.#key, body, this.#challenge);
        if (!isAuthentic(expected, proof)) return failure(BAD_AUTHENTICATOR, command);
        const name = new TextDecoder().decode(body.subarray(5, 37)).replaceAll('\0', '');
        const id = host.reserve();
        this.#reserved = { id, name };
        this.#challenge = host.random(32);
        const theirNonce = body.subarray(37, 69);
        const authorization = authenticator(
          this.#key,
          u32(id),
          host.uuid,
          this.#challenge,
          theirNonce,
        );
        return {
          command: COMMAND.authorizationId,
          payload: joinBytes(authorization, u32(id), host.uuid, this.#challenge),
        };
      }
      case COMMAND.authorizationIdConfirmation: {
        const reserved = this.#reserved;
        if (reserved === undefined) return failure(BAD_PARAMETER, command);
        const expected = authenticator(this.#key, u32(reserved.id), this.#challenge);
        if (!isAuthentic(expected, payload.subarray(0, 32))) {
          return failure(BAD_AUTHENTICATOR, command);
        }
        host.paired(reserved.id, this.#key, reserved.name);
        return { command: COMMAND.status, payload: Uint8Array.of(0) };
      }
      default:
        return failure(BAD_PARAMETER, command);
    }
  }

  #challenged(): Message {
    this.#challenge = this.#host.random(32);
    return { command: COMMAND.challenge, payload: this.#challenge };
  }
}

export function failure(code: number, command: number): Message {
  return { command: COMMAND.errorReport, payload: joinBytes(Uint8Array.of(code), u16(command)) };
}
