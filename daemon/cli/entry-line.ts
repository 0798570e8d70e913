/** One entry of the journal as a line for people. */
import { REASONS } from '../access/model.ts';
import { RULES } from '../access/why.ts';
import type { EntryReply } from '../local-api/entry-reply.ts';
import { siteTime, styled } from './output.ts';

/** Told by their own place in the line, or of no use to a reader. */
const TOLD = new Set(['accessPoint', 'reason', 'evidence', 'alarm', 'tries', 'clock']);

export function entryLine(entry: EntryReply, zone: string): string {
  const { seq, at, type, device, holder, body } = entry;
  const place = body['accessPoint'];
  const where = [typeof place === 'string' ? place : '', device ?? ''].filter(
    (text) => text !== '',
  );
  const reason = typeof body['reason'] === 'string' ? ` ${reasonText(body['reason'])}` : '';
  const rest = Object.entries(body)
    .filter(([name]) => !TOLD.has(name))
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const who = holder === null ? '' : ` ${holder}`;
  return [
    styled('dim', String(seq).padStart(6)),
    siteTime(at, zone),
    styled(colourOf(entry), type.padEnd(24)),
    `${where.join('/')}${who}${reason}${rest.length === 0 ? '' : styled('dim', ` (${rest.join(', ')})`)}`,
  ].join('  ');
}

function reasonText(reason: string): string {
  const known = REASONS.find((each) => each === reason);
  return known === undefined ? reason : `${known}: ${RULES[known]}`;
}

function colourOf({ type, body }: EntryReply) {
  if (body['alarm'] === true || type.startsWith('security.')) return 'red';
  if (type === 'access.denied') return 'yellow';
  return type === 'access.granted' || type === 'access.opened' ? 'green' : 'bold';
}
