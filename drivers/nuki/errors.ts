/** Error reports of a lock, in words, and what is to be done about each. */
export const ERROR = {
  badCrc: 0xfd,
  badLength: 0xfe,
  unknown: 0xff,
  notPairing: 0x10,
  badAuthenticator: 0x11,
  badPairingParameter: 0x12,
  tooManyUsers: 0x13,
  notAuthorized: 0x20,
  badPin: 0x21,
  badNonce: 0x22,
  badParameter: 0x23,
  invalidAuthorization: 0x24,
  disabled: 0x25,
  tooManyPinAttempts: 0x28,
  tooManyEntries: 0x29,
  codeExists: 0x2a,
  codeInvalid: 0x2b,
  motorBlocked: 0x42,
  clutchFailure: 0x43,
  motorTimeout: 0x44,
  busy: 0x45,
} as const;

const WORDS: Readonly<Record<number, string>> = {
  16: 'the lock is not in pairing mode',
  17: 'wrong authenticator',
  18: 'wrong parameter while pairing',
  19: 'the lock has too many users',
  32: 'not authorized: pair again',
  33: 'wrong security PIN',
  34: 'challenge used up',
  35: 'wrong parameter',
  36: 'no such authorization',
  37: 'authorization disabled: pair again',
  38: 'remote access not allowed',
  39: 'not allowed at this time',
  40: 'too many wrong PINs: a person must reset it',
  41: 'no room for another entry',
  42: 'this code is in the lock already',
  43: 'the lock takes no such code',
  44: 'code entry is blocked for a while',
  45: 'code entry is blocked for a while',
  46: 'code entry is blocked for a while',
  64: 'unlocked by itself too recently',
  65: 'position unknown',
  66: 'motor blocked',
  67: 'clutch failure',
  68: 'motor timeout',
  69: 'busy',
  70: 'cancelled',
  71: 'not calibrated',
  72: 'position limit',
  73: 'low voltage',
  74: 'motor power failure',
  75: 'clutch power failure',
  76: 'voltage too low',
  77: 'firmware update needed',
  253: 'frame damaged',
  254: 'frame of wrong length',
};

export function errorText(code: number): string {
  const hex = code.toString(16).padStart(2, '0');
  return `${WORDS[code] ?? 'unknown error'} (${hex})`;
}

/** Worth another try by itself: a used challenge, a damaged frame, a busy lock. Motor faults never are. */
export function retryAfter(code: number): number | undefined {
  if (code === ERROR.badNonce || code === ERROR.badCrc) return 0;
  return code === ERROR.busy ? 1000 : undefined;
}

export function isJam(code: number): boolean {
  return code === ERROR.motorBlocked || code === ERROR.clutchFailure || code === ERROR.motorTimeout;
}

/** The authorization is worth nothing any more. */
export function needsPairing(code: number): boolean {
  return (
    code === ERROR.notAuthorized || code === ERROR.invalidAuthorization || code === ERROR.disabled
  );
}
