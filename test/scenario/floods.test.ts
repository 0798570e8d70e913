/** More of everything than any site has: what is beyond a bound is refused or dropped as `daemon/bounds.md` says. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Actuator } from '../../daemon/devices/actuator.ts';
import { createServer } from '../../daemon/platform/http.ts';
import { HttpConnections } from '../../daemon/platform/http-connections.ts';
import { catalogue } from '../../drivers/catalogue.ts';
import {
  type Actuation,
  actuationId,
  type DeviceEvent,
  deviceId,
  slotNumber,
} from '../../drivers/contract/device.ts';
import type { DriverEntry, Machine } from '../../drivers/contract/machine.ts';
import { uptime } from '../../drivers/contract/time.ts';
import { type RunningMachine, runMachine } from '../../drivers/run-machine.ts';
import { SimulatedBus } from '../../simulator/bus.ts';
import { SimulatedClock } from '../../simulator/clock.ts';
import { SimulatedPort } from '../../simulator/link.ts';
import { seededRandom } from '../../simulator/random.ts';
import { until } from '../real-time.ts';
import { optionsOf } from '../security/fuzz-drivers.ts';
import { simulatedSite } from '../site.ts';

const MANY = process.env['LATCHKEY_LONG'] === '1' ? 20_000 : 5_000;

test('thousands of commands at once: as many wait as may, all others are refused as busy, each has one answer', async () => {
  await using site = await simulatedSite({ seed: 71 });
  const results = new Map<string, number>();
  let answered = 0;
  for (let n = 0; n < MANY; n += 1) {
    const { recorded, outcome } = site.daemon.desk.command(
      {
        kind: 'slot.open',
        by: 'flood',
        id: `flood-${n}`,
        device: deviceId('box'),
        slot: slotNumber(5),
      },
      [],
    );
    recorded.catch(() => undefined);
    void outcome.then(({ result, reason }) => {
      answered += 1;
      const what = reason === 'busy' ? 'busy' : result;
      results.set(what, (results.get(what) ?? 0) + 1);
    });
  }
  let queued = 0;
  for (let n = 0; n < 60 && answered < MANY; n += 1) {
    await site.advance(1000);
    const devices = site.daemon.desk.devices();
    queued = Math.max(
      queued,
      ...devices.map((each) => ('queued' in each ? Number(each.queued) : 0)),
    );
  }
  assert.equal(answered, MANY);
  assert.equal(results.get('busy'), MANY - 4096, 'the inbox takes 4096');
  assert.ok(queued <= 64);
  assert.equal(site.pulses(5), results.get('done') ?? 0, 'one pulse for each that was done');
  await site.type('482913#');
  const [denied] = site.daemon.desk.journal.read({ types: ['access.denied'], limit: 1 });
  assert.equal(denied?.body['reason'], 'unknown-credential', 'it answers as ever');
});

test('a reader that chatters is answered fob by fob, the keypad beside it as ever, and nothing is lost on the way', async () => {
  await using site = await simulatedSite({ seed: 72 });
  await site.put({ id: 'stay', pin: '482913' });
  const fobs = 300;
  for (let n = 0; n < fobs; n += 1) {
    site.hand('fobs', 'show', { fob: (0x1f00000000 + n).toString(16).toUpperCase() });
    if (n === fobs / 2) site.hand('keypad', 'press', { keys: '482913#' });
    await site.advance(120);
    site.hand('fobs', 'remove');
    await site.advance(30);
  }
  await site.advance(5000);
  const types = ['access.denied', 'access.granted'] as const;
  const entries = site.daemon.desk.journal.read({ types, limit: 5000 });
  assert.equal(entries.length, fobs + 1);
  assert.equal(site.pulseCount, 1);
  const inbox = site.daemon.desk.health().find(({ name }) => name === 'inbox');
  assert.equal(inbox?.detail, '0 waiting, 0 refused');
});

for (const entry of catalogue.values()) {
  if (entry.link === 'gatt') continue;
  test(`a bus of ${entry.name} that never answers keeps no more than may wait, and every request ends`, async () => {
    const clock = new SimulatedClock();
    const stop = new AbortController();
    const kept: { state?: unknown } = {};
    const ended = new Map<string, number>();
    const hear = (event: DeviceEvent) => {
      if (event.kind === 'actuation-result')
        ended.set(event.actuation, (ended.get(event.actuation) ?? 0) + 1);
    };
    const bus = new SimulatedBus({ name: 'mute', clock, random: seededRandom(3) });
    const running: RunningMachine = await runMachine({
      machine: watched(machineOf(entry), kept),
      clock,
      signal: stop.signal,
      port: new SimulatedPort(bus, clock),
      onEvent: (event) => (event.kind === 'actuation-result' ? actuator.hear(event) : undefined),
    });
    const actuator = new Actuator({
      clock,
      connects: 0,
      beforeWire: () => true,
      hand: (actuation) => running.actuate(actuation),
      takeBack: (id) => running.withdraw(id),
      onResult: hear,
    });
    let asked = 0;
    const ask = async (count: number) => {
      for (let n = 0; n < count; n += 1) {
        asked += 1;
        actuator.enqueue(request(asked, clock));
        assert.ok(actuator.length <= 64);
        if (n % 40 === 39) await clock.advance(500);
      }
      return inspect(kept.state, WHOLE).length;
    };
    const soon = await ask(200);
    const late = await ask(400);
    assert.ok(late <= soon + 4096, `the state was ${soon} long, then ${late}`);
    await clock.advance(120_000);
    assert.equal(actuator.length, 0);
    assert.ok([...ended.values()].every((count) => count === 1));
    assert.equal(
      ended.size,
      asked - Math.floor(asked / 4),
      'all but feedback, which has no result',
    );
    stop.abort();
    await running.closed;
  });
}

const WHOLE = { depth: Number.POSITIVE_INFINITY, maxArrayLength: null, maxStringLength: null };

/** Openings, unlocks, questions and feedback, each with an id of its own. */
function request(n: number, clock: SimulatedClock): Actuation {
  const expiresAt = uptime(clock.uptime() + 5000);
  const base = { id: actuationId(`a-${n}`), device: deviceId('dut'), expiresAt };
  if (n % 4 === 0) return { ...base, kind: 'feedback', signal: 'granted' };
  if (n % 4 === 1) return { ...base, kind: 'open-slot', slot: slotNumber(1), hold: 500 };
  if (n % 4 === 2) return { ...base, kind: 'unlock', hold: 500 };
  return { ...base, kind: 'read-state' };
}

function machineOf(entry: DriverEntry): Machine<unknown> {
  const { defaultBaudRate: baudRate } = entry;
  const facts = { baudRate, latencyMs: 0, echo: false, random: seededRandom(1) };
  const devices = [{ id: deviceId('dut'), options: optionsOf(entry) }];
  return entry.machine(devices, { ...facts, secrets: new Map() });
}

function watched(machine: Machine<unknown>, kept: { state?: unknown }): Machine<unknown> {
  return {
    begin: (now) => machine.begin(now),
    step(state, input, now) {
      const step = machine.step(state, input, now);
      kept.state = step.state;
      return step;
    },
    statistics: (state) => machine.statistics(state),
  };
}

test('who connects beyond the bound is hung up on, and somebody is served again once others have gone', async () => {
  await using server = await createServer({
    host: '127.0.0.1',
    port: 0,
    routes: [{ method: 'GET', path: '/here', handle: () => ({ status: 200, body: {} }) }],
    broken: () => {},
  });
  let hungUp = 0;
  const callers = Array.from({ length: 300 }, () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.once('close', () => {
      hungUp += 1;
    });
    return socket;
  });
  await until(() => hungUp === 300 - 256);
  for (const socket of callers) socket.destroy();
  await until(() => hungUp === 300);
  assert.equal((await fetch(`${server.url}/here`)).status, 200);
});

test('a caller who reads nothing of a stream holds up what makes it, and keeps no more than sockets do', async () => {
  let made = 0;
  const chunk = 'x'.repeat(64 * 1024);
  await using server = await createServer({
    host: '127.0.0.1',
    port: 0,
    routes: [
      {
        method: 'GET',
        path: '/stream',
        handle: () => ({
          status: 200,
          body: (async function* () {
            for (; made < 4096; made += 1) yield chunk;
          })(),
        }),
      },
    ],
    broken: () => {},
  });
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write('GET /stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  // It stands still: as much was made after many turns of the event loop as before them.
  for (let before = -1; made === 0 || made !== before; ) {
    before = made;
    for (let turn = 0; turn < 2000; turn += 1) await new Promise((next) => setImmediate(next));
  }
  assert.ok(made < 512, `${made} of 4096 chunks of 64 KiB`);
  socket.destroy();
});

test('a page of a vendor with a million rows is given up at 16 MiB', async () => {
  let sent = 0;
  const row = `${JSON.stringify({ id: 'r'.repeat(40), name: 'somebody', email: 'a@example.se' })},`;
  const rows = row.repeat(1000);
  const vendor = createHttpServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = () => {
      for (; sent < 1000; sent += 1) {
        if (response.destroyed) return;
        if (!response.write(rows)) {
          response.once('drain', more);
          sent += 1;
          return;
        }
      }
      response.end();
    };
    more();
  });
  vendor.listen(0, '127.0.0.1');
  await once(vendor, 'listening');
  const address = vendor.address();
  assert.ok(address !== null && typeof address === 'object');
  const http = new HttpConnections({});
  const call = {
    method: 'GET',
    url: `http://127.0.0.1:${address.port}/keys`,
    headers: {},
    signal: new AbortController().signal,
  } as const;
  await assert.rejects(http.send(call));
  const bytes = sent * rows.length;
  assert.ok(bytes > 16 * 1024 * 1024 && bytes < 32 * 1024 * 1024, `${bytes} bytes were sent`);
  await http.end();
  vendor.closeAllConnections();
  vendor.close();
});
