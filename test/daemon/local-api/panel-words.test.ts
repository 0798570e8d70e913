import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { ENTRY_CLASSES, ENTRY_TYPES } from '../../../daemon/access/entry.ts';
import { REASONS } from '../../../daemon/access/model.ts';
import { SCOPES } from '../../../daemon/local-api/endpoint.ts';
import { DUTCH } from '../../../daemon/local-api/panel/dutch.ts';
import { ENGLISH, type Message } from '../../../daemon/local-api/panel/english.ts';
import { FRENCH } from '../../../daemon/local-api/panel/french.ts';
import { ITALIAN } from '../../../daemon/local-api/panel/italian.ts';
import { JAPANESE } from '../../../daemon/local-api/panel/japanese.ts';
import { PORTUGUESE } from '../../../daemon/local-api/panel/portuguese.ts';
import { SPANISH } from '../../../daemon/local-api/panel/spanish.ts';
import { RECORD_STATES } from '../../../daemon/vendors/vendor-record.ts';

const PANEL = resolve(import.meta.dirname, '../../../daemon/local-api/panel');
const english: Readonly<Record<string, Message>> = ENGLISH;

test('every word of the daemon that the panel shows has its English', () => {
  const wanted = [
    ...ENTRY_TYPES.filter((type) => type !== 'security.duress').map((type) => `entry.${type}`),
    ...ENTRY_CLASSES.map((each) => `class.${each}`),
    ...REASONS.map((reason) => `reason.${reason}`),
    ...SCOPES.flatMap((scope) => [`scope.${scope}`, `scope-note.${scope}`]),
    ...RECORD_STATES.filter((state) => state !== 'in-step' && state !== 'gone').map(
      (state) => `sync.${state}`,
    ),
  ];
  assert.deepEqual(
    wanted.filter((key) => !Object.hasOwn(english, key)),
    [],
  );
});

test('every message is said somewhere', () => {
  const code = readdirSync(PANEL)
    .filter((name) => name.endsWith('.ts') && !name.startsWith('english'))
    .map((name) => readFileSync(resolve(PANEL, name), 'utf8'))
    .join('\n');
  /** Said for a word of the daemon's, or for one that the code puts together. */
  const groups = new Set(
    [
      ...code.matchAll(/sayWord\(\s*'([a-z-]+)'/g),
      ...code.matchAll(/`([a-z-]+)\.(?:do-)?\$\{/g),
    ].map(([, group]) => group),
  );
  const unsaid = Object.keys(english).filter(
    (key) => !code.includes(`'${key}'`) && !groups.has(key.slice(0, key.indexOf('.'))),
  );
  assert.deepEqual(unsaid, []);
});

test('a translation has no message that English has not, and the same values in each', () => {
  const languages = { FRENCH, JAPANESE, SPANISH, DUTCH, ITALIAN, PORTUGUESE };
  for (const [language, messages] of Object.entries(languages)) {
    for (const [key, message] of Object.entries(messages)) {
      const original = english[key];
      assert.ok(original !== undefined, `${language} ${key}`);
      assert.deepEqual(holes(message), holes(original), `${language} ${key}`);
      assert.equal(typeof message, typeof original, `${language} ${key}`);
    }
  }
});

function holes(message: Message): readonly string[] {
  const texts = typeof message === 'string' ? [message] : [message.other];
  return texts.flatMap((text) => text.match(/\{\w+\}/g) ?? []).sort();
}

test('no text of a page is written where it is shown', () => {
  const found: string[] = [];
  for (const name of readdirSync(PANEL).filter((each) => each.endsWith('.ts'))) {
    const text = readFileSync(resolve(PANEL, name), 'utf8');
    for (const [, attribute] of text.matchAll(
      /\s(?:placeholder|aria-label|title)="([^"]*[A-Za-z]{2}[^"]*)"/g,
    )) {
      if (attribute !== 'flat-12') found.push(`${name}: ${attribute}`);
    }
  }
  assert.deepEqual(found, []);
});
