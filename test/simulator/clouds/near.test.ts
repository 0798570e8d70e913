/** Clouds answered within one process: the same faults as over HTTP, on the clock that is handed in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloudServer, CutOff } from '../../../simulator/clouds/common.ts';

function counting() {
  let count = 0;
  const server = new CloudServer(() => {
    count += 1;
    return { status: 200, body: { count } };
  });
  const ask = (path = '/v1/count', signal = AbortSignal.timeout(60_000)) =>
    server.near({ method: 'GET', url: `http://127.0.0.1:1${path}`, headers: {}, signal });
  return { server, ask };
}

test('a stale answer is what the same question was answered before, and a new question is answered truly', async () => {
  const { server, ask } = counting();
  assert.equal((await ask()).body, '{"count":1}');
  server.fail({ kind: 'stale' });
  assert.equal((await ask()).body, '{"count":1}');
  assert.equal((await ask()).body, '{"count":2}');
  server.fail({ kind: 'stale' });
  assert.equal((await ask('/v1/other')).body, '{"count":3}');
});

test('what is cut, half, silent or away is told as such, and what was done is done', async () => {
  const { server, ask } = counting();
  server.fail({ kind: 'cut' });
  await assert.rejects(ask(), CutOff);
  server.fail({ kind: 'lost-answer' });
  await assert.rejects(ask(), CutOff);
  server.fail({ kind: 'half' });
  assert.equal((await ask()).body, '{"cou');
  server.fail({ kind: 'silent' });
  const enough = new AbortController();
  const asked = ask('/v1/count', enough.signal);
  enough.abort();
  await assert.rejects(asked, CutOff);
  server.isAway = true;
  await assert.rejects(ask(), CutOff);
  server.mend();
  assert.equal((await ask()).body, '{"count":4}', 'cut and away did nothing, the three others did');
});
