/** A short run of every target, and everything that once was not taken. `npm run fuzz -- --minutes N` goes on for hours. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, test } from 'node:test';
import { catalogue } from '../../drivers/catalogue.ts';
import { seededRandom } from '../../simulator/random.ts';
import { CORPUS, corpusOf, fuzz, tryOne } from './fuzz-run.ts';
import { fuzzTargets } from './fuzz-targets.ts';

const LONG = process.env['LATCHKEY_LONG'] === '1';
const RUNS = 150;
const targets = await fuzzTargets();
after(() => targets[Symbol.asyncDispose]());

test('every driver is a target, and so is all else that comes from outside', () => {
  const names = new Set(targets.all.map(({ name }) => name));
  assert.equal(names.size, targets.all.length, 'each has a name of its own');
  for (const name of [
    ...catalogue.keys(),
    ...['nuki-frames', 'nuki-payloads', 'h4', 'wiegand', 'lock-credentials'],
    ...['config', 'trust-file', 'client-key-file', 'restore'],
    ...['start-on-journal-db', 'start-on-marks-json'],
    ...['command', 'jws', 'jwe', 'local-api', 'webhooks'],
    ...['keycafe', 'seam', 'intserv'].flatMap((each) => [`${each}-dialect`, `${each}-answers`]),
  ])
    assert.ok(names.has(name), name);
  for (const { name, seeds } of targets.all)
    assert.ok(seeds.length > 0, `${name} has something to bend`);
  for (const kept of readdirSync(CORPUS)) assert.ok(names.has(kept), `corpus of ${kept}`);
});

for (const target of targets.all) {
  test(`${target.name} takes anything`, async () => {
    for (const input of [...target.seeds, ...corpusOf(target.name)])
      assert.equal((await tryOne(target, input)).fault?.error, undefined);
    const most = (target.runs ?? RUNS) * (LONG ? 300 : 1);
    const { fault } = await fuzz(target, seededRandom(1), (runs) => runs >= most);
    assert.equal(
      fault,
      undefined,
      `${String(fault?.error)}: ${Buffer.from(fault?.input ?? []).toString('hex')}`,
    );
  });
}
