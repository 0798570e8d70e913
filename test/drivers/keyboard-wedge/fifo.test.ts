import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inputOpener } from '../../../daemon/platform/input-link.ts';
import { realRandom } from '../../../daemon/platform/random.ts';
import { deviceId } from '../../../drivers/contract/device.ts';
import { usbKeypad } from '../../../drivers/keyboard-wedge/driver.ts';
import { keypadOptions } from '../../../drivers/keyboard-wedge/options.ts';
import { runMachine } from '../../../drivers/run-machine.ts';
import { SimulatedBus } from '../../../simulator/bus.ts';
import { simulatedUsbKeypad } from '../../../simulator/devices/usb-input.ts';
import { serveFifo } from '../../../simulator/fifo.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { realClock } from '../../../simulator/real-clock.ts';

test('a code typed on a USB keypad comes through the file that stands for it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-input-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const clock = realClock();
  const bus = new SimulatedBus({ name: 'desk', clock, random: seededRandom(1) });
  const pad = bus.attach('pad', (around) => simulatedUsbKeypad('pad', {}, around));
  const port = await serveFifo(bus, { path: join(directory, 'desk') });
  t.after(() => port.close());
  const code = Promise.withResolvers<string>();
  const stop = new AbortController();
  const device = deviceId('pad');
  const running = await runMachine({
    machine: usbKeypad.machine([{ id: device, options: keypadOptions.parse({}) }], {
      baudRate: usbKeypad.defaultBaudRate,
      latencyMs: 0,
      echo: false,
      random: realRandom(),
      secrets: new Map(),
    }),
    port: { open: inputOpener({ path: port.address, clock }).open },
    clock,
    onEvent(event) {
      if (event.kind === 'code-entered') code.resolve(event.digits);
    },
    signal: stop.signal,
  });
  t.after(async () => {
    stop.abort();
    await running.closed;
  });
  pad.verbs['press']?.run({ keys: '4711#', gap: 5 });
  assert.equal(await code.promise, '4711');
});
