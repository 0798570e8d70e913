import assert from 'node:assert/strict';
import { test } from 'node:test';
import { witnessed } from '../../../daemon/vendors/witness.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';

test('only an answer over TLS is a witness of the time, and only with a date that can be read', async () => {
  const clock = new SimulatedClock();
  const told: (readonly [number, number])[] = [];
  let date: string | undefined = 'Tue, 24 Nov 2026 10:00:00 GMT';
  const http = witnessed(
    {
      async send() {
        await clock.advance(120);
        return { status: 200, headers: date === undefined ? {} : { date }, body: '{}' };
      },
    },
    clock,
    (at, roundTrip) => told.push([at, roundTrip]),
  );
  const ask = (url: string) =>
    http.send({ method: 'GET', url, headers: {}, signal: new AbortController().signal });
  await ask('https://vendor.example/x');
  assert.deepEqual(told, [[Date.UTC(2026, 10, 24, 10), 120]]);
  await ask('http://vendor.example/x');
  date = 'tomorrow';
  await ask('https://vendor.example/x');
  date = undefined;
  await ask('https://vendor.example/x');
  assert.equal(told.length, 1);
});
