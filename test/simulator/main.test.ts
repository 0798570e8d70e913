import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';

const MAIN = resolve(import.meta.dirname, '../../simulator/main.ts');

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-main-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function run(...options: readonly string[]) {
  return spawnSync(process.execPath, [MAIN, ...options], { encoding: 'utf8', timeout: 20_000 });
}

test('the hardware of the demo is served until SIGTERM, once a directory, and leaves no name behind', async (t) => {
  const directory = folder(t);
  const child = spawn(process.execPath, [MAIN, '--directory', directory, '--json', '--port', '0']);
  t.after(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  const ready = JSON.parse(String(line)) as {
    ready: boolean;
    simulator: string;
    addresses: Record<string, string>;
  };
  assert.equal(ready.ready, true);
  const boxBus = join(directory, 'hardware/box-bus');
  assert.equal(ready.addresses['box-bus'], boxBus);
  assert.ok(existsSync(boxBus));
  const box = await (await fetch(`${ready.simulator}/v1/devices/box`)).json();
  assert.deepEqual((box as { slots: Record<string, { fobs: string[] }> }).slots[3]?.fobs, [
    '0F00012A03',
  ]);
  const second = run('--directory', directory);
  assert.equal(second.status, 2);
  assert.match(second.stderr, new RegExp(`process ${child.pid} simulates hardware in`));
  child.kill('SIGTERM');
  const [status] = await once(child, 'exit');
  assert.equal(status, 0);
  assert.equal(existsSync(boxBus), false);
});

test('what is wrong with the options is told in a sentence, with exit status 2', (t) => {
  const directory = folder(t);
  const moves = join(directory, 'moves.json');
  writeFileSync(moves, '[{"device":"box"}]');
  for (const [options, told] of [
    [['--bogus'], /Unknown option '--bogus'/],
    [['--config', join(directory, 'none.yaml')], /no such file/],
    [['--directory', directory, '--port', 'x'], /--port is a whole number, not "x"/],
    [['--directory', directory, '--contents', moves], /verb/],
    [['--sites', 'many'], /--sites is a whole number from 1 to 10000, not "many"/],
    [['--sites', '2', '--bogus'], /Unknown option '--bogus'/],
  ] satisfies [string[], RegExp][]) {
    const { status, stderr } = run(...options);
    assert.equal(status, 2, stderr);
    assert.match(stderr, told);
  }
});

test('with --sites, whole sites on one broker: its report is the last line', () => {
  const { status, stdout, stderr } = run(
    ...['--sites', '3', '--backlog', '20', '--seconds', '1', '--spread', '100', '--json'],
  );
  assert.equal(status, 0, stderr);
  const report: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  assert.partialDeepStrictEqual(report, { sites: 3, lost: 0, outOfOrder: 0 });
});
