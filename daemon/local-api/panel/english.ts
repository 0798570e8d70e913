/** All that the panel says, in English: complete, and what every other language falls back to. */
import { ENGLISH_PAGES } from './english-pages.ts';
import { ENGLISH_PEOPLE } from './english-people.ts';
import { ENGLISH_WORDS } from './english-words.ts';

/** One that counts has a form for one and one for more. */
export type Message = string | { readonly one: string; readonly other: string };

export const ENGLISH = { ...ENGLISH_PAGES, ...ENGLISH_PEOPLE, ...ENGLISH_WORDS } as const;
export type MessageKey = keyof typeof ENGLISH;

/** A language with some of the messages. */
export type Partly = Partial<Readonly<Record<MessageKey, Message>>>;
