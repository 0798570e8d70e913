import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newKeyPair, publicHalf } from '../../../daemon/cloud/jose.ts';
import {
  judge,
  type Proof,
  type Sheet,
  type SheetDevice,
} from '../../../daemon/commission/sheet.ts';
import { signSheet, verifySheet } from '../../../daemon/commission/signed-sheet.ts';

const AT = '2026-03-02T09:04:11.000Z';
const DEVICE: SheetDevice = {
  device: 'box',
  driver: 'kerong-cu16',
  bus: 'box-bus',
  port: '/dev/serial/by-id/usb-1',
  identity: 'usb:0403:6001:FT4:00',
  state: 'up',
  found: false,
  learned: [],
};
const PROOF: Proof = {
  device: 'box',
  part: 'slot',
  slot: 1,
  result: 'proven',
  seen: 'opened',
  at: AT,
};

function sheet(who: string): Sheet {
  return {
    v: 1,
    site: { id: 'hut-1' },
    who,
    begunAt: AT,
    endedAt: AT,
    clock: { zone: 'Europe/Stockholm', tzdata: '2026a', state: 'synchronised' },
    versions: { latchkey: '0.1.0' },
    devices: [DEVICE],
    proofs: [PROOF],
    ...judge([DEVICE], [PROOF], true),
  };
}

const key = newKeyPair('Ed25519');

test('what was signed verifies as text and as JSON, whoever signed it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (who) => {
      const { json, text } = signSheet(sheet(who), 'hut-1', key);
      for (const file of [json, text]) {
        const found = verifySheet(file, publicHalf(key));
        assert.ok(found.kind === 'intact' && found.isKnownKey, JSON.stringify(found));
        assert.equal(found.sheet.who, who);
      }
    }),
    { numRuns: 50 },
  );
});

test('no changed character of a sheet goes unnoticed', () => {
  const { json, text } = signSheet(sheet('Ida'), 'hut-1', key);
  for (const file of [json, text]) {
    fc.assert(
      fc.property(
        fc.nat(file.trimEnd().length - 1),
        fc.constantFrom('x', '0', '"', ' '),
        (at, put) => {
          fc.pre(file[at] !== put && /\S/.test(file[at] ?? ' '));
          const changed = file.slice(0, at) + put + file.slice(at + 1);
          assert.equal(verifySheet(changed, publicHalf(key)).kind, 'refused');
        },
      ),
      { numRuns: 150 },
    );
  }
});

test('the key of another bridge is told from a change', () => {
  const { json } = signSheet(sheet('Ida'), 'hut-1', key);
  const found = verifySheet(json, publicHalf(newKeyPair('Ed25519')));
  assert.match(found.kind === 'refused' ? found.why : '', /another key/);
  const alone = verifySheet(json);
  assert.ok(alone.kind === 'intact' && !alone.isKnownKey);
});

test('accepted is only what was proven whole, to the end, with every device there', () => {
  const failed: Proof = { ...PROOF, result: 'failed', seen: 'jammed' };
  const absent: Proof = { ...PROOF, part: 'fob', result: 'not-fitted', seen: 'it has none' };
  assert.equal(judge([DEVICE], [PROOF, absent], true).result, 'accepted');
  assert.equal(judge([DEVICE], [PROOF], false).result, 'interrupted');
  assert.deepEqual(judge([DEVICE], [PROOF, failed], true).open, ['box slot 1: jammed']);
  assert.deepEqual(judge([DEVICE], [], true).open, ['box: nothing was proven']);
  assert.equal(judge([{ ...DEVICE, state: 'silent' }], [PROOF], true).result, 'not-accepted');
  assert.equal(judge([], [], true).result, 'not-accepted');
});
