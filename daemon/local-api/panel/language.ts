/**
 * What the panel says, in the language of whoever looks at it. Every text goes through `say`; numbers, moments and
 * spans through `Intl`. A language that lacks a message says it in English.
 */
import { DUTCH } from './dutch.ts';
import { ENGLISH, type Message, type MessageKey, type Partly } from './english.ts';
import { FRENCH } from './french.ts';
import { ITALIAN } from './italian.ts';
import { JAPANESE } from './japanese.ts';
import { PORTUGUESE } from './portuguese.ts';
import { SPANISH } from './spanish.ts';

/** Those that Keycafe has for its guests, each by its own name. */
export const LANGUAGES = {
  en: 'English',
  fr: 'Français',
  ja: '日本語',
  es: 'Español',
  nl: 'Nederlands',
  it: 'Italiano',
  pt: 'Português',
} as const;
export type Language = keyof typeof LANGUAGES;

const MESSAGES: Readonly<Record<Language, Partly>> = {
  en: ENGLISH,
  fr: FRENCH,
  ja: JAPANESE,
  es: SPANISH,
  nl: DUTCH,
  it: ITALIAN,
  pt: PORTUGUESE,
};

const KEPT = 'latchkey-language';
/** For tests: every message longer than in English, in brackets, so that one that is not a message is seen. */
const PSEUDO = 'pseudo';

function isLanguage(word: string): word is Language {
  return Object.hasOwn(LANGUAGES, word);
}

function found(): Language | typeof PSEUDO {
  const kept = localStorage.getItem(KEPT);
  if (kept === PSEUDO) return PSEUDO;
  const wished = [...(kept === null ? [] : [kept]), ...navigator.languages];
  return wished.map((each) => each.slice(0, 2)).find(isLanguage) ?? 'en';
}

let chosen = found();
document.documentElement.lang = locale();

/** For `Intl` and the page; English here is Britain's, where the day stands before the month. */
export function locale(): string {
  return chosen === PSEUDO || chosen === 'en' ? 'en-GB' : chosen;
}

export function language(): Language {
  return chosen === PSEUDO ? 'en' : chosen;
}

export function choose(next: string): void {
  if (!isLanguage(next)) return;
  chosen = next;
  localStorage.setItem(KEPT, next);
  document.documentElement.lang = locale();
}

export type Values = Readonly<Record<string, string | number>>;

/** A message with its values; of one that counts, `n` picks the form. */
export function say(key: MessageKey, values: Values = {}): string {
  const message = MESSAGES[language()][key] ?? ENGLISH[key];
  const text = filled(typeof message === 'string' ? message : formOf(message, values), values);
  return chosen === PSEUDO ? pseudo(text) : text;
}

/** What is said for a word of the daemon's: `reason.expired`. One that is newer than the page is shown as it is. */
export function sayWord(group: string, word: string, values: Values = {}): string {
  const key = `${group}.${word}`;
  if (isKey(key)) return say(key, values);
  const plain = word.replaceAll(/[-_.]/g, ' ');
  return chosen === PSEUDO ? pseudo(plain) : plain;
}

function isKey(key: string): key is MessageKey {
  return Object.hasOwn(ENGLISH, key);
}

function formOf(message: Exclude<Message, string>, { n }: Values): string {
  const rule = new Intl.PluralRules(locale()).select(Number(n));
  return rule === 'one' ? message.one : message.other;
}

function filled(text: string, values: Values): string {
  return text.replaceAll(/\{(\w+)\}/g, (hole, name: string) => {
    const value = values[name];
    return typeof value === 'number' ? number(value) : isolated(value ?? hole);
  });
}

/** A name that is written from the right keeps its letters, and the sentence around it its order. */
function isolated(text: string): string {
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(text) ? `\u2068${text}\u2069` : text;
}

export function number(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}

const ACCENTS: Readonly<Record<string, string>> = {
  a: 'á',
  e: 'ë',
  i: 'ï',
  o: 'ö',
  u: 'ü',
  A: 'Å',
  E: 'É',
  O: 'Ø',
  n: 'ñ',
  c: 'ç',
};

function pseudo(text: string): string {
  const plain = text.replaceAll(/[⟦⟧]/g, ''); // of a message within a message
  const longer = '·'.repeat(Math.ceil(text.length * 0.3));
  return `⟦${plain.replaceAll(/[aeiouAEOnc]/g, (letter) => ACCENTS[letter] ?? letter)}${longer}⟧`;
}
