/** What a broker's refusal means to us, from its reason code. */
import { BrokerError, type BrokerErrorCode } from '../cloud/broker.ts';

export function brokerError(error: Error): BrokerError {
  if (error instanceof BrokerError) return error;
  const reason = reasonOf(error);
  const code = reason === undefined ? 'unreachable' : codeOf(reason);
  return new BrokerError(code, error.message, { cause: error });
}

export function reasonOf(error: Error): number | undefined {
  return 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

/** Reason codes of MQTT 5 (2.4) and return codes of 3.1.1 (3.2.2.3). */
export function codeOf(reason: number): BrokerErrorCode {
  switch (reason) {
    case 2: // identifier rejected
    case 4: // bad user name or password
    case 5: // not authorised
    case 0x85:
    case 0x86:
    case 0x87:
      return 'not-authorised';
    case 3: // server unavailable
    case 0x88:
    case 0x89:
    case 0x93: // receive maximum exceeded
    case 0x96: // message rate too high
    case 0x97: // quota exceeded
    case 0x9f: // connection rate exceeded
      return 'busy';
    case 0x8e:
      return 'taken-over';
    case 0x95:
      return 'too-large';
    case 0x9c:
    case 0x9d:
      return 'moved';
    default:
      return reason >= 0x80 ? 'refused' : 'closed';
  }
}
