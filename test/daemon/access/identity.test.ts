import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  cardIndex,
  identityOf,
  identityText,
  parseIdentity,
  pinIndex,
} from '../../../daemon/access/identity.ts';
import {
  accessPointId,
  credentialId,
  credentialIndex,
  grantId,
  holderId,
  keyId,
} from '../../../daemon/access/model.ts';

const hmac = (message: string) => createHmac('sha256', 'pepper').update(message).digest('hex');

test('a card’s number as text, and bare ten hex digits as EM4100', () => {
  const tag = {
    technology: 'em4100',
    bits: new Uint8Array([0x0f, 0, 1, 0x2a, 0xbc]),
    bitCount: 40,
  } as const;
  assert.equal(identityText(identityOf(tag)), 'em4100:40:0f00012abc');
  assert.deepEqual(parseIdentity(' 0F00012ABC '), identityOf(tag));
  assert.deepEqual(parseIdentity('em4100:40:0F00012ABC'), identityOf(tag));
  assert.deepEqual(parseIdentity('wiegand:26:20255c80'), {
    technology: 'wiegand',
    bitCount: 26,
    hex: '20255c80',
  });
});

test('what is no identity is none: other technology, wrong length, bits beyond the count', () => {
  for (const text of [
    '',
    '0f00012ab',
    '0f00012abcd',
    'em4100:40:0f00012ab',
    'rfid:40:0f00012abc',
    'em4100:041:0f00012abc',
    'em4100:0:',
    'wiegand:26:20255c81',
    'wiegand:26:20255c',
    'em4100:40:0g00012abc',
    'text:12:abc',
  ]) {
    assert.equal(parseIdentity(text), undefined, text);
  }
  assert.ok(parseIdentity('text:12:abc0') !== undefined);
});

test('an identity survives its text', () => {
  const bits = fc.integer({ min: 1, max: 128 }).chain((bitCount) =>
    fc
      .uint8Array({ minLength: Math.ceil(bitCount / 8), maxLength: Math.ceil(bitCount / 8) })
      .map((bytes) => {
        const spare = (8 - (bitCount % 8)) % 8;
        const last = bytes.length - 1;
        bytes[last] = ((bytes[last] ?? 0) >> spare) << spare;
        return { technology: 'wiegand' as const, bits: bytes, bitCount };
      }),
  );
  fc.assert(
    fc.property(bits, (card) =>
      assert.deepEqual(parseIdentity(identityText(identityOf(card))), identityOf(card)),
    ),
  );
});

test('the layout of keyed hashes is fixed: another would lose every credential', () => {
  const hex = (...parts: string[]) =>
    createHmac('sha256', 'pepper').update(parts.join('\u0000')).digest('hex').slice(0, 32);
  assert.equal(pinIndex(hmac, 'site-1', '012345'), hex('pin', 'site-1', '012345'));
  const identity = parseIdentity('0f00012abc') ?? assert.fail();
  assert.equal(cardIndex(hmac, 'site-1', identity), hex('card', 'site-1', 'em4100:40:0f00012abc'));
});

test('the same number in another scope, technology or length is another credential', () => {
  const of = (text: string, scope = 's') =>
    cardIndex(hmac, scope, parseIdentity(text) ?? assert.fail());
  const all = [
    of('em4100:40:0f00012abc'),
    of('wiegand:40:0f00012abc'),
    of('em4100:39:0f00012abc'),
    of('0f00012abc', 't'),
  ];
  assert.equal(new Set(all).size, 4);
  assert.notEqual(pinIndex(hmac, 's', '0123'), pinIndex(hmac, 's', '123'));
});

test('ids are opaque, but never empty, endless or with control characters', () => {
  for (const make of [holderId, grantId, credentialId, keyId, accessPointId]) {
    assert.equal(make('x y:ä'), 'x y:ä');
    assert.equal(make('a'.repeat(256)).length, 256);
    for (const text of ['', 'a\nb', '\u0000', 'a'.repeat(257)])
      assert.throws(() => make(text), RangeError);
  }
  assert.throws(() => holderId(''), /a holder id is/);
  assert.throws(() => grantId(''), /a grant id is/);
  assert.throws(() => credentialId(''), /a credential id is/);
  assert.throws(() => keyId(''), /a key id is/);
  assert.throws(() => accessPointId(''), /a access point id is/);
  assert.equal(credentialIndex('0123456789abcdef'.repeat(2)).length, 32);
  for (const text of ['', 'A'.repeat(32), 'a'.repeat(31), 'a'.repeat(33)]) {
    assert.throws(() => credentialIndex(text), /32 lower-case hex/);
  }
});
