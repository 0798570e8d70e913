/** What of a site may be shown to whoever helps: how it is built and how it goes, never who goes in and out. */
import type { EntryReply } from '../local-api/entry-reply.ts';

const LEFT_OUT = '(left out)';
/** Fields of a config that hold what people wrote, or what opens something. */
const PRIVATE = /^(name|notes|fob|code|pin|digits|username|password|email|phone)$/i;
/** A code or a number of a fob, whatever it is called. */
const NUMBERS = /^[0-9A-Fa-f]{4,}$/;

/** @param value a config as YAML or JSON gives it; secrets in it are references, and stay. */
export function redactedConfig(value: unknown, field = ''): unknown {
  if (PRIVATE.test(field) && (typeof value === 'string' || typeof value === 'number')) {
    return LEFT_OUT;
  }
  if (typeof value === 'string') return NUMBERS.test(value) ? LEFT_OUT : value;
  if (Array.isArray(value)) return value.map((each) => redactedConfig(each, field));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, redactedConfig(each, name)]),
  );
}

/** Of an entry's body: words and numbers of the daemon and of devices. All else may name a person, and is dropped. */
const TOLD = new Set([
  ...['reason', 'result', 'state', 'link', 'slot', 'device', 'bus', 'vendor', 'alarm'],
  ...['refused', 'usedPercent', 'versions', 'clean', 'errMs', 'count', 'digits', 'ratio', 'kind'],
]);

export function redactedEntry({ seq, at, clock, type, device, body }: EntryReply) {
  const told = Object.fromEntries(
    Object.entries(body).filter(
      ([name, value]) => TOLD.has(name) && !(typeof value === 'string' && NUMBERS.test(value)),
    ),
  );
  return { seq, at, clock, type, device, body: told };
}
