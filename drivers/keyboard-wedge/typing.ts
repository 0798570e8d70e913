/** What was typed, from the records of an input device. */

import type { Token, TokenScan } from '../wire/reader-token.ts';
import type { Scanned } from '../wire/receive-buffer.ts';
import { cardOfText } from '../wire/text-card.ts';
import type { TextCardOptions } from '../wire/text-card-options.ts';
import { pressedKey, scanRecord, type WordBits } from './record.ts';

/** A card is all keys up to Enter, or up to silence. */
export function typedCardScan(card: TextCardOptions, wordBits: WordBits): TokenScan {
  return (bytes, isOver) => {
    let text = '';
    let at = 0;
    for (;;) {
      const found = scanRecord(bytes.subarray(at), wordBits);
      if (found.kind === 'noise') {
        // Records that can be stand before it: what they typed is incomplete.
        return at === 0 ? found : { kind: 'noise', length: at };
      }
      if (found.kind === 'need-more') break;
      at += found.length;
      const key = pressedKey(found.frame);
      if (key === 'enter') return ended(at, text, card);
      if (key !== undefined) text += key.length === 1 ? key : '?';
    }
    if (at === 0 || (!isOver && text !== '')) return { kind: 'need-more' };
    return ended(at, text, card);
  };
}

/** Each key is a key; Enter ends a code as `#` does elsewhere, Backspace and `*` clear it. */
export function keypadScan(wordBits: WordBits): TokenScan {
  return (bytes) => {
    const found = scanRecord(bytes, wordBits);
    if (found.kind !== 'frame') return found;
    const pressed = pressedKey(found.frame);
    const key = pressed === undefined ? undefined : CODES[pressed];
    const token: Token =
      key === undefined ? { kind: 'nothing' } : { kind: 'key', burst: { kind: 'key', key } };
    return { kind: 'frame', length: found.length, frame: token };
  };
}

function ended(length: number, text: string, card: TextCardOptions): Scanned<Token> {
  const token: Token = text === '' ? { kind: 'nothing' } : cardOfText(text, card);
  return { kind: 'frame', length, frame: token };
}

const CODES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Array.from('0123456789ABCD', (key) => [key, key])),
  '*': '*',
  backspace: '*',
  enter: '#',
};
