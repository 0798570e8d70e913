import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { SimJson, SimulatedKind } from '../../simulator/device.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { until } from '../real-time.ts';
import { Probe } from './probe.ts';

const probeKind: SimulatedKind = {
  build(name, options, around) {
    const probe = new Probe(name, around);
    const verbs = {
      say: {
        what: 'says bytes',
        arguments: { hex: 'bytes in hex', 'again?': 'twice' },
        run(given: Readonly<Record<string, SimJson>>): SimJson {
          const { hex } = given;
          if (typeof hex !== 'string') throw new RangeError('"hex" is a text');
          probe.say(new Uint8Array(Buffer.from(hex, 'hex')));
          return { said: hex };
        },
      },
    };
    return {
      name,
      kind: 'probe',
      verbs,
      hear: (bytes) => probe.hear(bytes),
      power: () => probe.power(),
      look: () => ({ heard: Buffer.from(probe.heard).toString('hex'), options: `${options}` }),
    };
  },
};

async function simulator(
  t: TestContext,
  controlPort = 0,
): Promise<Simulator & { directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-simulate-'));
  const started = await startSimulator({
    description: {
      buses: {
        'box-bus': { serial: join(directory, 'ports/box-bus'), baudRate: 115_200 },
        'far-bus': { serial: '/dev/serial/by-id/usb-of-this-machine' },
        'lobby-bus': { tcp: '127.0.0.1:0' },
        desk: { input: join(directory, 'desk') },
        radio: {},
      },
      devices: {
        box: { driver: 'probe', bus: 'box-bus', options: 'eight slots' },
        fobs: { driver: 'probe', bus: 'lobby-bus', options: '' },
        wedge: { driver: 'probe', bus: 'desk', options: '' },
        alien: { driver: 'alien', bus: 'box-bus', options: '' },
      },
    },
    directory,
    kinds: new Map([['probe', probeKind]]),
    contents: [{ device: 'box', verb: 'say', arguments: { hex: '00' } }],
    controlPort,
  });
  t.after(async () => {
    await started[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });
  return { ...started, directory };
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

async function call(url: string, method = 'GET', body?: string): Promise<Reply> {
  const response = await fetch(url, { method, ...(body === undefined ? {} : { body }) });
  return { status: response.status, body: await response.json() };
}

test('the hardware of a config is there under the names that the config gives it', async (t) => {
  const { addresses, hardware, directory } = await simulator(t);
  assert.equal(addresses['box-bus'], join(directory, 'ports/box-bus'));
  assert.match(readlinkSync(addresses['box-bus'] ?? ''), /by-id\/usb-Simulated_adapter_box-bus/);
  assert.equal(
    addresses['far-bus'],
    join(directory, 'far-bus'),
    'never over a port of the machine',
  );
  assert.match(addresses['lobby-bus'] ?? '', /^127\.0\.0\.1:[1-9]\d+$/);
  assert.ok(existsSync(addresses['desk'] ?? ''));
  assert.deepEqual(hardware.deviceNames, ['box', 'fobs', 'wedge']);
  assert.deepEqual(
    hardware.unsimulated.map(({ name }) => name),
    ['radio', 'alien'],
  );
});

test('everything that a hand can do is listed, for people and for programs', async (t) => {
  const { url } = await simulator(t);
  const text = await (await fetch(url)).text();
  assert.match(text, /POST \/v1\/devices\/box\/say {2}\{hex, again\?\}\n {7}says bytes/);
  assert.match(text, /POST \/v1\/buses\/lobby-bus\/garble/);
  const response = await fetch(url, { headers: { accept: 'application/json' } });
  const { routes } = (await response.json()) as { routes: { method: string; path: string }[] };
  for (const { method, path } of routes.filter((route) => route.method === 'GET')) {
    assert.equal((await call(`${url}${path}`, method)).status, 200, path);
  }
  assert.ok(routes.some(({ path }) => path === '/v1/devices/wedge/power'));
});

test('what is done over HTTP happens on the wire', async (t) => {
  const { url, addresses } = await simulator(t);
  const [host = '', port = ''] = (addresses['lobby-bus'] ?? '').split(':');
  const socket = connect({ host, port: Number(port) });
  t.after(() => socket.destroy());
  let heard = '';
  let ended = false;
  socket.on('data', (bytes) => {
    heard += bytes.toString('hex');
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
  });
  socket.write(Buffer.from('c0ffee', 'hex'));
  await until(() => socket.bytesWritten === 3 && !socket.connecting);
  const look = async () => (await call(`${url}/v1/devices/fobs`)).body;
  for (;;) {
    const now = (await look()) as { heard: string };
    if (now.heard === 'c0ffee') break;
  }
  const said = await call(`${url}/v1/devices/fobs/say`, 'POST', '{"hex":"beef"}');
  assert.deepEqual(said, { status: 200, body: { result: { said: 'beef' } } });
  await until(() => heard === 'beef');
  await call(`${url}/v1/buses/lobby-bus/mute`, 'POST', '{"device":"fobs"}');
  await call(`${url}/v1/devices/fobs/say`, 'POST', '{"hex":"dead"}');
  await call(`${url}/v1/buses/lobby-bus/mute`, 'POST', '{"on":false,"device":"fobs"}');
  await call(`${url}/v1/buses/lobby-bus/duplicate`, 'POST', '{"device":"fobs"}');
  await call(`${url}/v1/devices/fobs/say`, 'POST', '{"hex":"01"}');
  await until(() => heard.length === 8);
  assert.equal(heard, 'beef0101');
  await call(`${url}/v1/buses/lobby-bus/heal`, 'POST');
  await call(`${url}/v1/devices/fobs/say`, 'POST', '{"hex":"02"}');
  await until(() => heard === 'beef010102');
  await call(`${url}/v1/buses/lobby-bus/unplug`, 'POST');
  await until(() => ended);
  await call(`${url}/v1/buses/lobby-bus/plug`, 'POST');
  const bus = (await call(`${url}/v1/buses/lobby-bus`)).body as { isPlugged: boolean };
  assert.equal(bus.isPlugged, true);
});

for (const [name, method, path, body, status, error] of [
  ['a device that is not there', 'GET', '/v1/devices/none', undefined, 404, /no none/],
  ['a path that is not there', 'GET', '/v2', undefined, 404, /GET \/ lists/],
  ['a verb that it has not', 'POST', '/v1/devices/box/fly', '', 404, /it can: power, say/],
  ['a verb of every object', 'POST', '/v1/devices/box/toString', '', 404, /cannot/],
  ['the wrong method', 'GET', '/v1/devices/box/say', undefined, 405, /for POST/],
  ['no JSON', 'POST', '/v1/devices/box/say', '{hex', 400, /no JSON/],
  ['JSON that is no object', 'POST', '/v1/devices/box/say', '[1]', 400, /JSON object/],
  ['an argument missing', 'POST', '/v1/devices/box/say', '', 400, /"hex" is missing: bytes in hex/],
  ['an argument too many', 'POST', '/v1/devices/box/say', '{"a":1}', 400, /there are: hex, again/],
  ['an argument of the wrong kind', 'POST', '/v1/devices/box/say', '{"hex":1}', 400, /a text/],
  ['a chance of two', 'POST', '/v1/buses/box-bus/lose', '{"chance":2}', 400, /from 0 to 1/],
  ['a stub without device', 'POST', '/v1/buses/box-bus/mute', '{"device":"x"}', 400, /no device x/],
  ['power by a word', 'POST', '/v1/devices/box/power', '{"on":"no"}', 400, /true or false/],
  ['a broken escape', 'GET', '/v1/devices/%E0%A4%A', undefined, 400, /malformed/],
  ['too much', 'POST', '/v1/devices/box/say', 'x'.repeat(70_000), 413, /at most/],
] satisfies [string, string, string, string | undefined, number, RegExp][]) {
  test(`control answers ${name} with a sentence`, async (t) => {
    const { url } = await simulator(t);
    const reply = await call(`${url}${path}`, method, body);
    assert.equal(reply.status, status);
    const { error: told } = reply.body as { error: { code: string; message: string } };
    assert.match(told.message, error);
    assert.ok(told.code.length > 0);
  });
}

test('control takes a free port where the preferred one is taken, and is for this machine only', async (t) => {
  const first = await simulator(t);
  const taken = Number(new URL(first.url).port);
  const second = await simulator(t, taken);
  assert.notEqual(second.url, first.url);
  const status = await new Promise((resolve, reject) => {
    const asked = request(`${second.url}/v1/devices`, { headers: { host: 'evil.example' } });
    asked.on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject);
    asked.end();
  });
  assert.equal(status, 403);
});
