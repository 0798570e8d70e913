/** A short run of every target, and everything that once was not taken. `node test/security/fuzz.ts` goes on for hours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../simulator/random.ts';
import { corpusOf, fuzz, tryOne } from './fuzz-run.ts';
import { fuzzTargets } from './fuzz-targets.ts';

const RUNS = process.env['LATCHKEY_LONG'] === '1' ? 50_000 : 150;
const targets = await fuzzTargets();

test('every driver on a wire is a target, and so are config and commands', () => {
  const names = targets.map(({ name }) => name);
  for (const name of [
    'kerong-cu16',
    'osdp',
    'rdm6300',
    'wiegand-serial',
    'winnsen',
    'config',
    'command',
  ])
    assert.ok(names.includes(name), name);
  for (const { name, seeds } of targets)
    assert.ok(seeds.length > 0, `${name} has something to bend`);
});

for (const target of targets) {
  test(`${target.name} takes anything`, async () => {
    for (const input of [...target.seeds, ...corpusOf(target.name)])
      assert.equal((await tryOne(target, input))?.error, undefined);
    const { fault } = await fuzz(target, seededRandom(1), (runs) => runs >= RUNS);
    assert.equal(
      fault,
      undefined,
      `${String(fault?.error)}: ${Buffer.from(fault?.input ?? []).toString('hex')}`,
    );
  });
}
