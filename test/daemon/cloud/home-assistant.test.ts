import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holderId } from '../../../daemon/access/model.ts';
import { BROKER_LIMITS, messageFaults } from '../../../daemon/cloud/broker-limits.ts';
import { HomeAssistant } from '../../../daemon/cloud/home-assistant.ts';
import {
  deviceStateSchema,
  statusSchema,
  type WireDeviceState,
} from '../../../daemon/cloud/messages.ts';
import { deviceId } from '../../../drivers/contract/device.ts';
import { BRIDGE } from './bridge.ts';
import { cloudAndBridge } from './cloud-and-bridge.ts';
import { readDiscovery } from './home-assistant-schema.ts';
import { Wire } from './wire.ts';

const BOX: WireDeviceState = {
  ...{ v: 1, ts: 0, dev: 'box', driver: 'kerong-cu16', link: 'up', proofAgeMs: 5, tamper: false },
  slots: { '3': { open: false, key: true } },
};
const DOOR: WireDeviceState = {
  ...{ v: 1, ts: 0, dev: 'front-door', driver: 'nuki', link: 'up', proofAgeMs: 5, tamper: false },
  ...{ lock: 'locked', door: 'closed', battery: 71 },
};

async function set(devices: () => readonly WireDeviceState[]) {
  const { stack, clock, random, bridge } = await cloudAndBridge();
  const wire = new Wire();
  const running = new AbortController();
  const start = () => {
    const home = new HomeAssistant({
      broker: wire,
      topics: bridge.topics,
      prefix: 'homeassistant',
      journal: bridge.journal,
      report: { site: 'Harbour 12', versions: { latchkey: '0.1.0' }, devices },
      stamp: bridge.stamp,
      clock,
      random,
      patience: { longest: 200, spread: 0 },
      log: () => {},
    });
    const ran = home.run(running.signal);
    stack.defer(async () => {
      running.abort();
      await ran;
    });
  };
  start();
  await clock.settle();
  const configs = () =>
    wire.published
      .filter(({ topic }) => topic.startsWith('homeassistant/'))
      .map(({ topic, payload }) => [topic, Buffer.from(payload).toString()] as const);
  return { stack, clock, bridge, wire, configs, start };
}

test('the daemon and each device are told as Home Assistant wants it: device based, with entities that know their class', async () => {
  const { stack, configs, wire } = await set(() => [BOX, DOOR]);
  await using _ = stack;
  const texts = configs();
  assert.deepEqual(
    texts.map(([topic]) => topic),
    [
      'homeassistant/device/kb_7f3a91/config',
      'homeassistant/device/kb_7f3a91_box/config',
      'homeassistant/device/kb_7f3a91_front_door/config',
    ],
  );
  const entities = new Set<string>();
  const devices = new Set<string>();
  const states = new Map([
    [`latchkey/1/${BRIDGE}/status`, Object.keys(statusSchema.shape)],
    ...[BOX, DOOR].map(
      ({ dev }) =>
        [`latchkey/1/${BRIDGE}/dev/${dev}/state`, Object.keys(deviceStateSchema.shape)] as const,
    ),
  ]);
  for (const [topic, text] of texts) {
    const { device, components, ...shared } = readDiscovery(text);
    const [id = ''] = device.identifiers ?? [];
    assert.equal(topic, `homeassistant/device/${id}/config`);
    // What a device hangs from is known before it (an error since 2025.12).
    if (device.via_device !== undefined) assert.ok(devices.has(device.via_device), id);
    devices.add(id);
    const readings = [
      ...(shared.availability ?? []),
      ...Object.values(components).flatMap((each) => [
        ...(each.platform === 'tag' || each.platform === 'event'
          ? []
          : [{ topic: each.state_topic, value_template: each.value_template }]),
        ...(each.platform === 'tag' ? [] : (each.availability ?? [])),
      ]),
    ];
    for (const { topic: from, value_template: template = '' } of readings) {
      const field = /value_json\.(\w+)/.exec(template)?.[1] ?? 'nothing';
      assert.ok(states.get(from)?.includes(field), `${template} of ${from}`);
    }
    for (const each of Object.values(components)) {
      if (each.platform === 'tag') continue;
      assert.ok(!entities.has(each.unique_id), each.unique_id);
      entities.add(each.unique_id);
    }
    assert.ok(!/command|cmd_t|pl_open/.test(text), 'nothing in it can be commanded');
    for (const [, needed] of Object.entries({ origin: 'o', device: 'dev', components: 'cmps' })) {
      const { [needed]: _left, ...less } = JSON.parse(text);
      assert.throws(() => readDiscovery(JSON.stringify(less)), needed);
    }
    const more = JSON.stringify({ ...JSON.parse(text), cmd_t: 'a/b' });
    assert.throws(() => readDiscovery(more), /command_topic/);
  }
  const door = readDiscovery(texts[2]?.[1] ?? '');
  const classes = Object.values(door.components).map((each) =>
    'device_class' in each ? each.device_class : each.platform,
  );
  assert.deepEqual(classes.sort(), [
    'battery',
    'connectivity',
    'door',
    'event',
    'lock',
    'tag',
    'tamper',
  ]);
  for (const limits of BROKER_LIMITS) {
    assert.deepEqual(
      wire.published.flatMap((message) => messageFaults(message, limits)),
      [],
    );
  }
});

test('its connection is its own, and hears nothing but the birth of Home Assistant', async () => {
  const { stack, wire } = await set(() => [BOX]);
  await using _ = stack;
  assert.deepEqual(wire.options?.subscriptions, ['homeassistant/status']);
  assert.equal(wire.options?.clientId, `${BRIDGE}-ha`);
});

test('after a birth all is told again, within one to ten seconds', async () => {
  const { stack, clock, wire, configs } = await set(() => [BOX]);
  await using _ = stack;
  assert.equal(configs().length, 2);
  await wire.deliver('homeassistant/status', 'online');
  await clock.advance(999);
  assert.equal(configs().length, 2);
  await clock.advance(9_100);
  assert.equal(configs().length, 4);
  await wire.deliver('homeassistant/status', 'offline');
  await clock.advance(11_000);
  assert.equal(configs().length, 4);
});

test('a device that is gone is taken back, also when it went while we were down', async () => {
  let devices = [BOX, DOOR];
  const { stack, clock, wire, configs } = await set(() => devices);
  await using _ = stack;
  devices = [BOX];
  wire.published.length = 0;
  wire.cut();
  await clock.runUntil(() => wire.isConnected, 5_000);
  await clock.settle();
  const gone = configs().filter(([, text]) => text === '');
  assert.deepEqual(gone, [['homeassistant/device/kb_7f3a91_front_door/config', '']]);
  const state = `latchkey/1/${BRIDGE}/dev/front-door/state`;
  const cleared = wire.published.filter(({ topic, retain }) => retain && topic === state);
  assert.deepEqual(
    cleared.map(({ payload }) => payload.length),
    [0],
  );
  wire.published.length = 0;
  wire.cut();
  await clock.runUntil(() => wire.isConnected, 5_000);
  await clock.settle();
  assert.equal(configs().length, 2);
});

test('events and tags pass by unretained, pseudonymous, and duress shows as any opening', async () => {
  const { stack, clock, bridge, wire } = await set(() => [BOX]);
  await using _ = stack;
  wire.published.length = 0;
  const device = deviceId('box');
  const sub = holderId('p_8c1d');
  await bridge.journal.append({
    stamp: bridge.stamp(),
    entries: [
      { type: 'access.granted', device, sub, body: { slot: 3, method: 'pin', grant: 'g-1' } },
      { type: 'security.duress', device, sub, body: { alarm: true } },
      { type: 'access.denied', device, body: { reason: 'expired' } },
    ],
  }).committed;
  await clock.settle();
  const said = wire.published.map(({ topic, payload, retain }) => [
    topic.slice(topic.indexOf('/ha/')),
    JSON.parse(Buffer.from(payload).toString()),
    retain,
  ]);
  const at = new Date(bridge.stamp().at).toISOString();
  assert.deepEqual(said, [
    ['/ha/box/event', { event_type: 'granted', at, slot: 3 }, false],
    ['/ha/box/tag', { tag: 'p_8c1d' }, false],
    ['/ha/box/event', { event_type: 'denied', at, reason: 'expired' }, false],
  ]);
});
