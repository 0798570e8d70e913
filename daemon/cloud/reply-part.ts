/** The part of a reply that says what came of it. */
import type { JsonObject } from '../access/entry.ts';
import type { Refused } from './admission.ts';
import type { Reply } from './messages.ts';

export type ReplyPart = Pick<Reply, 'status' | 'code' | 'msg' | 'data'>;

export function okPart(data: JsonObject): ReplyPart {
  return { status: 'ok', code: null, msg: null, data };
}

export function errorPart(code: Refused['code'], msg: string): ReplyPart {
  return { status: 'error', code, msg, data: {} };
}

export function refusedPart({ code, msg, reason }: Refused): ReplyPart {
  return { status: 'error', code, msg, data: reason === undefined ? {} : { reason } };
}

/** What came as JSON is JSON; this also drops what JSON leaves out. */
export function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
