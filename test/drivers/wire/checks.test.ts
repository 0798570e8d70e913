import assert from 'node:assert/strict';
import { test } from 'node:test';
import { negatedSum8, sum8, xor8 } from '../../../drivers/wire/checksum.ts';
import { crc16Modbus, crc16Osdp } from '../../../drivers/wire/crc16.ts';
import { fromHex, toHex } from '../../../drivers/wire/hex.ts';

const ascii = new TextEncoder().encode('123456789');

test('both CRCs give the published check values', () => {
  assert.equal(crc16Modbus(ascii), 0x4b37);
  assert.equal(crc16Osdp(ascii), 0xe5cc);
});

test('frames of other implementations carry our checks', () => {
  assert.equal(crc16Modbus(fromHex('01 05 00 00 FF 00')), 0x3a8c);
  assert.equal(crc16Osdp(fromHex('53 01 08 00 06 60')), 0x66d8);
  assert.equal(sum8(fromHex('02 00 30 03')), 0x35);
  assert.equal(xor8(fromHex('8A 01 01 11')), 0x9b);
  assert.equal(negatedSum8(fromHex('D4 14 01')), 0x17);
});

test('hex text is read strictly', () => {
  assert.equal(toHex(fromHex('0F 00 01 2a bC')), '0f00012abc');
  assert.throws(() => fromHex('0'), RangeError);
  assert.throws(() => fromHex('0g'), RangeError);
});
