import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeCommand, encodeCommand } from '../../../drivers/osdp/commands.ts';
import { encode, type Frame, scan } from '../../../drivers/osdp/frame.ts';
import { decodeReply, encodeReply } from '../../../drivers/osdp/replies.ts';
import { hex, toHex } from './hex.ts';
import { COMMANDS, REPLIES } from './vectors.ts';

function frameOf(bytes: Uint8Array): Frame {
  const result = scan(bytes);
  assert.ok(result.kind === 'frame', `${toHex(bytes)} is a frame, found ${result.kind}`);
  assert.equal(result.length, bytes.length);
  return result.frame;
}

for (const { bytes, from, address, sequence, check = 'crc', body } of COMMANDS) {
  test(`command ${bytes} (${from}) both ways`, () => {
    const head = { address, from: 'cp', sequence, check, security: undefined } as const;
    assert.equal(
      toHex(encode({ ...head, ...encodeCommand(body), mac: undefined })),
      toHex(hex(bytes)),
    );
    const { code, data, mac, ...rest } = frameOf(hex(bytes));
    assert.deepEqual(rest, head);
    assert.equal(mac, undefined);
    assert.deepEqual(decodeCommand({ code, data }), body);
  });
}

for (const { bytes, from, address, sequence, check = 'crc', body } of REPLIES) {
  test(`reply ${bytes} (${from}) both ways`, () => {
    const head = { address, from: 'pd', sequence, check, security: undefined } as const;
    const { code, data, mac, ...rest } = frameOf(hex(bytes));
    assert.deepEqual(rest, head);
    assert.equal(mac, undefined);
    assert.deepEqual(decodeReply({ code, data }), body);
    assert.equal(
      toHex(encode({ ...head, ...encodeReply(body), mac: undefined })),
      toHex(hex(bytes)),
    );
  });
}

test('a keypad reply whose count does not match gives no digits', () => {
  assert.deepEqual(decodeReply({ code: 0x53, data: hex('00 05 31323334') }), {
    kind: 'unreadable',
    code: 0x53,
  });
});

test('any code with any payload is read without a fault', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 255 }),
      fc.uint8Array({ maxLength: 40 }),
      (code, data) => {
        const reply = decodeReply({ code, data });
        if (reply.kind !== 'unreadable') assert.equal(encodeReply(reply).code, code);
        const command = decodeCommand({ code, data });
        if (command.kind !== 'refused') assert.equal(encodeCommand(command).code, code);
      },
    ),
    { numRuns: 2000 },
  );
});
