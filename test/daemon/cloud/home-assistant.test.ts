import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holderId } from '../../../daemon/access/model.ts';
import { BROKER_LIMITS, messageFaults } from '../../../daemon/cloud/broker-limits.ts';
import { HomeAssistant } from '../../../daemon/cloud/home-assistant.ts';
import type { WireDeviceState } from '../../../daemon/cloud/messages.ts';
import { deviceId } from '../../../drivers/contract/device.ts';
import { BRIDGE } from './bridge.ts';
import { cloudAndBridge } from './cloud-and-bridge.ts';
import { Wire } from './wire.ts';

const BOX: WireDeviceState = {
  ...{ v: 1, ts: 0, dev: 'box', driver: 'kerong-cu16', link: 'up', proofAgeMs: 5, tamper: false },
  slots: { '3': { open: false, key: true } },
};
const DOOR: WireDeviceState = {
  ...{ v: 1, ts: 0, dev: 'front-door', driver: 'nuki', link: 'up', proofAgeMs: 5, tamper: false },
  ...{ lock: 'locked', door: 'closed', battery: 71 },
};

/** Keys that Home Assistant's schema allows in a device-based discovery, abbreviated or not (conventions 1.1). */
const ROOT_KEYS = ['dev', 'o', 'cmps', 'avty', 'avty_mode', 'qos'];
const DEVICE_KEYS = [
  'ids',
  'cns',
  'name',
  'mf',
  'mdl',
  'mdl_id',
  'sn',
  'sw',
  'hw',
  'cu',
  'sa',
  'via_device',
];
const ORIGIN_KEYS = ['name', 'sw', 'url'];
const SHARED = [
  'p',
  'uniq_id',
  'name',
  'stat_t',
  'val_tpl',
  'dev_cla',
  'ent_cat',
  'avty',
  'avty_mode',
];
const PLATFORMS: Readonly<
  Record<string, { readonly needs: string[]; readonly may: string[]; readonly classes: string[] }>
> = {
  binary_sensor: {
    needs: ['uniq_id', 'stat_t'],
    may: SHARED,
    classes: ['door', 'lock', 'tamper', 'problem', 'connectivity', 'battery', 'occupancy'],
  },
  sensor: {
    needs: ['uniq_id', 'stat_t'],
    may: [...SHARED, 'unit_of_meas', 'stat_cla'],
    classes: ['battery'],
  },
  event: { needs: ['uniq_id', 'stat_t', 'evt_typ'], may: [...SHARED, 'evt_typ'], classes: [] },
  tag: { needs: ['topic'], may: ['p', 'topic', 'val_tpl'], classes: [] },
};

type Config = {
  dev: { ids: string[] };
  o: { name: string };
  cmps: Record<string, Record<string, unknown> & { p: string }>;
  avty: { topic: string }[];
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

test('each device is told as Home Assistant wants it: device based, with entities that know their class', async () => {
  const { stack, configs, wire } = await set(() => [BOX, DOOR]);
  await using _ = stack;
  const texts = configs();
  assert.deepEqual(
    texts.map(([topic]) => topic),
    [
      'homeassistant/device/kb_7f3a91_box/config',
      'homeassistant/device/kb_7f3a91_front_door/config',
    ],
  );
  const ids = new Set<unknown>();
  for (const [topic, text] of texts) {
    assert.match(topic, /^homeassistant\/device\/[a-zA-Z0-9_-]+\/config$/);
    const config: Config = JSON.parse(text);
    const allowed = (found: object, keys: string[]) =>
      assert.deepEqual(
        Object.keys(found).filter((key) => !keys.includes(key)),
        [],
      );
    allowed(config, ROOT_KEYS);
    allowed(config.dev, DEVICE_KEYS);
    allowed(config.o, ORIGIN_KEYS);
    assert.ok(config.dev.ids.length > 0 && config.o.name.length > 0);
    for (const component of Object.values(config.cmps)) {
      const platform = PLATFORMS[component.p];
      assert.ok(platform, component.p);
      allowed(component, platform.may);
      for (const need of platform.needs)
        assert.ok(need in component, `${component.p} without ${need}`);
      const { dev_cla: kind, uniq_id: id } = component;
      if (kind !== undefined) assert.ok(platform.classes.includes(String(kind)), String(kind));
      if (id !== undefined) assert.ok(!ids.has(id) && ids.add(id));
    }
    assert.ok(!/command|cmd_t|pl_open/.test(text), 'nothing in it can be commanded');
  }
  const door: Config = JSON.parse(texts[1]?.[1] ?? '');
  const classes = Object.values(door.cmps).map((each) => each['dev_cla'] ?? each.p);
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
  assert.equal(configs().length, 1);
  await wire.deliver('homeassistant/status', 'online');
  await clock.advance(999);
  assert.equal(configs().length, 1);
  await clock.advance(9_100);
  assert.equal(configs().length, 2);
  await wire.deliver('homeassistant/status', 'offline');
  await clock.advance(11_000);
  assert.equal(configs().length, 2);
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
  wire.published.length = 0;
  wire.cut();
  await clock.runUntil(() => wire.isConnected, 5_000);
  await clock.settle();
  assert.equal(configs().length, 1);
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
