/** The settings that a signed command may change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../daemon/access/entry.ts';
import { seededRandom } from '../../simulator/random.ts';
import { OwnCloud } from '../../simulator/site/own-cloud.ts';
import { Exchange } from '../daemon/cloud/cloud-and-bridge.ts';
import { simulatedSite } from '../site.ts';

test('P5: settings from afar hold at once and over a kill, only narrow, and can be given back', async () => {
  const exchange = new Exchange();
  const site = await simulatedSite({
    ...{ seed: 81, onDisk: true, broker: exchange, noTimeServer: true },
    change: (config) => ({
      ...config,
      site: {
        ...config.site,
        policies: { ...config.site.policies, clockUntrusted: 'grace', auditFull: 'deny' },
      },
    }),
  });
  await using _site = site;
  const key = site.enrolment.senders.find(({ kid }) => kid === 'ops-test');
  assert.ok(key);
  const random = seededRandom(81);
  const ops = await site.settling(
    OwnCloud.join({ broker: exchange, key, clock: site.clock, random }),
  );
  await using _ops = ops;
  const policies = () => {
    const { clockUntrusted, auditFull } = site.daemon.desk.ports().site.policies;
    return [clockUntrusted, auditFull, site.logLevel];
  };
  const config = async (version: number, set: JsonObject) => {
    const { status, code, data } = await site.settling(ops.client.send('config', { version, set }));
    return status === 'ok' ? 'ok' : [code, data['have']];
  };
  assert.deepEqual(policies(), ['grace', 'deny', undefined]);
  const narrower = { 'policies.clockUntrusted': 'deny', 'log.level': 'debug' };
  assert.equal(await config(3, narrower), 'ok');
  assert.deepEqual(policies(), ['deny', 'deny', 'debug']);
  assert.equal(site.daemon.desk.stamp().clock.hi, Number.POSITIVE_INFINITY);
  assert.deepEqual(await config(3, narrower), ['conflict', 3]);
  // The file says `deny`: nobody far away makes that wider.
  assert.equal(await config(4, { 'policies.auditFull': 'allow_staff' }), 'ok');
  assert.deepEqual(policies(), ['deny', 'deny', 'debug']);
  for (const set of [{ 'policies.clockUntrusted': 'assume' }, { 'api.listen': '0.0.0.0:80' }]) {
    assert.deepEqual(await config(5, set), ['bad_request', undefined]);
  }
  site.logLevel = undefined;
  site.cut();
  await site.restart(1_000);
  assert.deepEqual(policies(), ['deny', 'deny', 'debug']);
  await site.advance(5_000);
  const back = { 'policies.clockUntrusted': null, 'log.level': null };
  assert.equal(await config(6, back), 'ok');
  assert.deepEqual(policies(), ['grace', 'deny', 'info']);
});
