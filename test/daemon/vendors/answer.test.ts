import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { answered, answerIn } from '../../../daemon/vendors/answer.ts';
import { VendorError } from '../../../daemon/vendors/http.ts';

const schema = z.object({ key: z.object({ id: z.int() }) });

function said(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof VendorError);
    assert.equal(error.code, 'malformed');
    return error.message;
  }
  throw new Error('nothing was held against it');
}

test('an answer in the documented shape is read', () => {
  assert.deepEqual(answerIn('{"key":{"id":7},"more":1}', schema, '/access'), { key: { id: 7 } });
});

test('one that is not says which call and which field, and nothing of what it held', () => {
  assert.equal(
    said(() => answerIn('<html>anna@example.se', schema, '/access')),
    '/access: an answer that is no JSON',
  );
  assert.equal(
    said(() => answerIn('{"key":{"id":"anna@example.se"}}', schema, '/access')),
    '/access: an answer of another shape at key.id',
  );
  assert.equal(
    said(() => answered('anna@example.se', schema, '/access')),
    '/access: an answer of another shape',
  );
});
