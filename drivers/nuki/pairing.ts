/**
 * Pairing as the client (API V2.1, "Authorize a new client"), on the unencrypted characteristic. Pure: what the lock
 * says goes in, what is to be written comes out. Keys and challenges are in nothing that is logged.
 */
import { joinBytes } from '../wire/hex.ts';
import { authenticator, isAuthentic, longTermKey, publicKey, sharedSecret } from './crypto.ts';
import { errorText } from './errors.ts';
import { COMMAND, type Message, readU32, u16, u32 } from './frame.ts';
import { padded } from './keypad-code.ts';

/** What was agreed: one entry of the lock's user list. The key is secret. */
export interface Authorization {
  readonly id: number;
  readonly key: Uint8Array;
  /** The lock's own UUID, 32 hex digits. */
  readonly lock: string;
}

export interface PairingParts {
  /** 32 random bytes, used once. */
  readonly privateKey: Uint8Array;
  /** 32 random bytes. */
  readonly nonce: Uint8Array;
  /** Which app we are to the lock. */
  readonly appId: number;
  /** Shown in the owner's app; at most 32 bytes. */
  readonly name: string;
  /** As a bridge, an existing Nuki Bridge is dropped; where there is one, or Wi-Fi or Thread, register as `app`. */
  readonly as: 'app' | 'bridge';
}

type Stage = 'their-key' | 'first-challenge' | 'second-challenge' | 'authorization' | 'status';

export interface PairingState {
  readonly stage: Stage;
  readonly theirKey: Uint8Array;
  readonly key: Uint8Array;
  readonly granted: Authorization | undefined;
}

export type PairingStep =
  | { readonly kind: 'go-on'; readonly state: PairingState; readonly say: Message }
  | { readonly kind: 'paired'; readonly authorization: Authorization }
  | { readonly kind: 'failed'; readonly why: string };

const NOTHING = new Uint8Array(0);

export function beginPairing(): PairingStep {
  return {
    kind: 'go-on',
    state: { stage: 'their-key', theirKey: NOTHING, key: NOTHING, granted: undefined },
    say: { command: COMMAND.requestData, payload: u16(COMMAND.publicKey) },
  };
}

/** One message of the lock. Anything unexpected ends the pairing: nothing of it is worth keeping. */
export function hearPairing(parts: PairingParts, state: PairingState, heard: Message): PairingStep {
  if (heard.command === COMMAND.errorReport) {
    return { kind: 'failed', why: errorText(heard.payload[0] ?? 0xff) };
  }
  switch (state.stage) {
    case 'their-key': {
      if (heard.command !== COMMAND.publicKey || heard.payload.length !== 32)
        return unexpected(heard);
      const key = keyWith(parts, heard.payload);
      if (key === undefined) return { kind: 'failed', why: 'the lock gave an unusable key' };
      return {
        kind: 'go-on',
        state: { ...state, stage: 'first-challenge', theirKey: heard.payload, key },
        say: { command: COMMAND.publicKey, payload: publicKey(parts.privateKey) },
      };
    }
    case 'first-challenge': {
      if (heard.command !== COMMAND.challenge) return unexpected(heard);
      const proof = authenticator(
        state.key,
        publicKey(parts.privateKey),
        state.theirKey,
        heard.payload,
      );
      return {
        kind: 'go-on',
        state: { ...state, stage: 'second-challenge' },
        say: { command: COMMAND.authorizationAuthenticator, payload: proof },
      };
    }
    case 'second-challenge': {
      if (heard.command !== COMMAND.challenge) return unexpected(heard);
      const body = authorizationBody(parts);
      return {
        kind: 'go-on',
        state: { ...state, stage: 'authorization' },
        say: {
          command: COMMAND.authorizationData,
          payload: joinBytes(authenticator(state.key, body, heard.payload), body),
        },
      };
    }
    case 'authorization':
      return granted(parts, state, heard);
    case 'status':
      if (heard.command !== COMMAND.status || heard.payload[0] !== 0) return unexpected(heard);
      if (state.granted === undefined) return unexpected(heard);
      return { kind: 'paired', authorization: state.granted };
  }
}

function granted(
  parts: PairingParts,
  state: PairingState,
  { command, payload }: Message,
): PairingStep {
  if (command !== COMMAND.authorizationId || payload.length < 84)
    return unexpected({ command, payload });
  const [proof, id, uuid, challenge] = [
    payload.subarray(0, 32),
    payload.subarray(32, 36),
    payload.subarray(36, 52),
    payload.subarray(52, 84),
  ];
  const expected = authenticator(state.key, id, uuid, challenge, parts.nonce);
  if (!isAuthentic(expected, proof)) {
    return { kind: 'failed', why: 'the lock did not prove that it holds the key' };
  }
  const authorization = {
    id: readU32(id, 0),
    key: state.key,
    lock: Buffer.from(uuid).toString('hex'),
  };
  return {
    kind: 'go-on',
    state: { ...state, stage: 'status', granted: authorization },
    say: {
      command: COMMAND.authorizationIdConfirmation,
      payload: joinBytes(authenticator(state.key, id, challenge), id),
    },
  };
}

function authorizationBody({ as, appId, name, nonce }: PairingParts): Uint8Array {
  return joinBytes(
    Uint8Array.of(as === 'app' ? 0 : 1),
    u32(appId),
    padded(new TextEncoder().encode(name), 32),
    nonce,
  );
}

/** A key of small order gives no secret: Node throws. */
function keyWith({ privateKey }: PairingParts, theirs: Uint8Array): Uint8Array | undefined {
  try {
    return longTermKey(sharedSecret(privateKey, theirs));
  } catch {
    return undefined;
  }
}

function unexpected({ command }: Message): PairingStep {
  return {
    kind: 'failed',
    why: `the lock said ${command.toString(16).padStart(4, '0')} out of turn`,
  };
}
