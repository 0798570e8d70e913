import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Command } from 'commander';
import { bleCommand } from '../../../daemon/cli/ble.ts';
import { CommandFailure } from '../../../daemon/cli/failure.ts';
import { radioBackend } from '../../../daemon/platform/ble-backend.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { NukiLock } from '../../../simulator/devices/nuki-lock.ts';
import { Air } from '../../../simulator/radio/air.ts';
import { serveRadio } from '../../../simulator/radio/serve.ts';
import { seededRandom } from '../../../simulator/random.ts';

async function bench() {
  const clock = realClock();
  const random = seededRandom(8);
  const air = new Air(clock, random);
  const lock = new NukiLock({ name: 'front', clock, random, pin: 4711 });
  air.join(lock);
  const port = await serveRadio(air);
  return {
    lock,
    adapter: `tcp:${port.host}:${port.port}`,
    [Symbol.asyncDispose]: () => port.close(),
  };
}

/** Runs `latchkey ble …` in this process; gives what it printed. */
async function run(t: TestContext, ...argv: string[]): Promise<string> {
  const printed: string[] = [];
  const original = process.stdout.write.bind(process.stdout);
  // The test runner writes there too, in bytes; commands print text.
  const write = t.mock.method(process.stdout, 'write', (text: string | Uint8Array) => {
    if (typeof text !== 'string') return original(text);
    printed.push(text);
    return true;
  });
  try {
    const program = new Command().exitOverride();
    bleCommand(program);
    await program.parseAsync(['node', 'latchkey', 'ble', ...argv]);
  } finally {
    write.mock.restore();
  }
  return printed.join('');
}

test('scan shows a lock, and when it is ready to pair', async (t) => {
  await using at = await bench();
  const scan = () => run(t, 'scan', '--adapter', at.adapter, '--seconds', '1', '--json');
  const [found] = JSON.parse(await scan());
  assert.deepEqual(
    { address: found.address, addressType: found.addressType, what: found.what },
    { address: at.lock.address, addressType: 'random', what: 'Nuki lock' },
  );
  assert.match(found.name, /^Nuki_[0-9A-F]{8}$/);
  at.lock.beginPairing();
  assert.match(await scan(), /ready to pair/);
});

test('pair writes the key for its owner only, unpair takes it out of the lock', async (t) => {
  await using at = await bench();
  const folder = mkdtempSync(join(tmpdir(), 'ble-cli-'));
  const out = join(folder, 'front.json');
  const pin = join(folder, 'pin');
  writeFileSync(pin, '4711\n', { mode: 0o600 });
  const pair = () => run(t, 'pair', at.lock.address, '--adapter', at.adapter, '--out', out);
  await assert.rejects(pair(), (error) => {
    return error instanceof CommandFailure && /not in pairing mode/.test(error.message);
  });
  at.lock.beginPairing();
  const printed = await pair();
  assert.match(printed, /paired: authorization 1/);
  assert.equal(statSync(out).mode & 0o777, 0o600);
  const { key } = JSON.parse(readFileSync(out, 'utf8'));
  assert.equal(key.length, 64);
  assert.ok(!printed.includes(key), 'the key is not printed');
  assert.equal(at.lock.authorizations.size, 1);
  await assert.rejects(pair(), /there already/);
  const arguments_ = ['unpair', at.lock.address, '--adapter', at.adapter, '--authorization', out];
  assert.match(await run(t, ...arguments_, '--pin', pin), /is out of the lock/);
  assert.equal(at.lock.authorizations.size, 0);
  await assert.rejects(run(t, ...arguments_, '--pin', pin), /not authorized/);
});

test('doctor tries the adapter, and tells what is missing with its remedy', async (t) => {
  await using at = await bench();
  const [heard] = JSON.parse(await run(t, 'doctor', '--adapter', at.adapter, '--json'));
  assert.deepEqual([heard.state, /hears 1 peripherals/.test(heard.what)], ['there', true]);
  const missing = await run(t, 'doctor', '--adapter', '/dev/serial/by-id/none');
  assert.match(missing, /missing\s+port .*none\n\s+plug it in/);
  const findings = JSON.parse(
    await run(t, 'doctor', '--adapter', 'hci9', '--via', 'hci', '--json'),
  );
  assert.ok(
    findings.some(
      (each: { what: string; state: string }) =>
        each.what === 'adapter hci9' && each.state === 'missing',
    ),
  );
  process.exitCode = 0;
});

test('an adapter is hci0, an address or a path, and nothing else', () => {
  assert.deepEqual(radioBackend('hci1'), { kind: 'bluez', adapter: 'hci1' });
  assert.deepEqual(radioBackend('hci1', 'hci'), { kind: 'hci', adapter: 1, userChannel: true });
  assert.deepEqual(radioBackend('tcp:[::1]:9000'), { kind: 'tcp', host: '[::1]', port: 9000 });
  assert.equal(radioBackend('/dev/ttyACM0').kind, 'uart');
  for (const wrong of ['', 'eth0', 'tcp:', 'hci', 'hci0x'])
    assert.throws(() => radioBackend(wrong), RangeError);
});
