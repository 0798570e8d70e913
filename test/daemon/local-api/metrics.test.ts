/** What Prometheus gets: held to its own checker, and the examples beside it name nothing that is not there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ENTRY_TYPES } from '../../../daemon/access/entry.ts';
import { ApiBench } from './bench.ts';

const MONITORING = resolve(import.meta.dirname, '../../../systemd/monitoring');
/** Told only where there is such a thing: a battery, an own cloud, a vendor. */
const SOMETIMES = [
  'latchkey_device_battery_ratio',
  'latchkey_cloud_online',
  'latchkey_cloud_refused_commands_total',
  'latchkey_vendor_online',
  'latchkey_vendor_drift',
  'latchkey_vendor_sync_age_seconds',
];

function promtool(t: TestContext, args: readonly string[], input?: string): void {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, {
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
  });
  if (error !== undefined) {
    if (process.env['LATCHKEY_REQUIRE_ALL'] === '1') assert.fail('promtool is missing');
    t.skip('promtool is missing');
    return;
  }
  assert.equal(status, 0, `${stdout}${stderr}`);
}

async function metrics(bench: ApiBench): Promise<string> {
  return (await bench.call('GET', '/metrics', { as: 'read' })).body;
}

test('decisions are counted by type and reason, and a second reading counts nothing twice', async () => {
  await using bench = await ApiBench.open();
  await bench.site.put({ id: 'g', pin: '246813' });
  await bench.site.type('9999#');
  await bench.site.advance(5000);
  const text = await metrics(bench);
  assert.match(text, /^latchkey_entries_total\{type="access\.denied"\} 1$/m);
  assert.match(text, /^latchkey_denials_total\{reason="unknown-credential"\} 1$/m);
  assert.match(text, /^latchkey_check_ok\{check="storage"\} 1$/m);
  assert.match(text, /^latchkey_clock_error_seconds \d/m);
  const again = await metrics(bench);
  assert.match(again, /^latchkey_entries_total\{type="access\.denied"\} 1$/m);
  for (const what of ['polls', 'timeouts', 'checksum_errors', 'noise_bytes']) {
    assert.match(again, new RegExp(`^latchkey_device_${what}_total\\{device="box"\\} \\d+$`, 'm'));
  }
});

test('Prometheus finds nothing to say about them', async (t) => {
  await using bench = await ApiBench.open();
  promtool(t, ['check', 'metrics'], await metrics(bench));
});

test('the example of a dashboard and that of alarms name only what is there', async (t) => {
  await using bench = await ApiBench.open();
  await bench.site.type('9999#');
  await bench.site.advance(5000);
  const text = await metrics(bench);
  const there = new Set([
    ...SOMETIMES,
    ...[...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name),
  ]);
  for (const file of ['grafana-dashboard.json', 'latchkey-rules.yml']) {
    const example = readFileSync(join(MONITORING, file), 'utf8');
    const named = new Set([...example.matchAll(/\blatchkey_[a-z_]+/g)].map(([name]) => name));
    assert.ok(named.size > 5, file);
    assert.deepEqual(
      [...named].filter((name) => !there.has(name)),
      [],
      file,
    );
    for (const [, types = ''] of example.matchAll(/type=~?\\?"([a-z_.|]+)\\?"/g)) {
      const known: readonly string[] = ENTRY_TYPES;
      for (const type of types.split('|')) assert.ok(known.includes(type), type);
    }
  }
  const dashboard = JSON.parse(readFileSync(join(MONITORING, 'grafana-dashboard.json'), 'utf8'));
  assert.ok(dashboard.panels.length >= 15);
  promtool(t, ['check', 'rules', join(MONITORING, 'latchkey-rules.yml')]);
  promtool(t, ['check', 'config', '--syntax-only', join(MONITORING, 'prometheus.yml')]);
});
