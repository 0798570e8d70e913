/** What of a site may be shown to whoever helps: how it is built and how it goes, never who goes in and out. */
import { isSecretName, withoutLogin } from '../../config/fault-list.ts';
import { SECRET } from '../../config/secrets.ts';
import type { EntryReply } from '../local-api/entry-reply.ts';

const LEFT_OUT = '(left out)';
/** Fields of a config that hold what people wrote. */
const PRIVATE = /^(name|notes|digits|username|email|phone)$/i;
/** A code or a number of a fob, whatever it is called. */
const NUMBERS = /^[0-9A-Fa-f]{4,}$/;

/**
 * @param value a config as YAML or JSON gives it, right or wrong: references to secrets stay, and a secret that somebody
 *   wrote in the place of one does not.
 */
export function redactedConfig(value: unknown, field = ''): unknown {
  if (typeof value === 'string' || typeof value === 'number') {
    const isReference = SECRET.test(String(value)) || value === 'off';
    if (!isReference && (PRIVATE.test(field) || isSecretName(field))) return LEFT_OUT;
    if (typeof value === 'number') return value;
    return NUMBERS.test(value) ? LEFT_OUT : withoutLogin(value);
  }
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
