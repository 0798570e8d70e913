/** What a poll costs the processor. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { SerialPort } from 'serialport';
import { openDevices } from '../../../daemon/devices/devices.ts';
import { serialOpener } from '../../../daemon/platform/serial-link.ts';
import { catalogue } from '../../../drivers/catalogue.ts';
import { deviceId } from '../../../drivers/contract/device.ts';
import { pause } from '../../../drivers/contract/time.ts';
import { READ_INPUTS, readRequest } from '../../../drivers/modbus-relay/frame.ts';
import { modbusRelayOptions } from '../../../drivers/modbus-relay/options.ts';
import { until } from '../../real-time.ts';
import { clock, random } from '../clocks.ts';
import { Folder } from '../house.ts';
import { type Metric, median } from '../measure.ts';

const BOARDS = 8;
const POLL_MS = 100;
/** A daemon that has run for a day is compiled: first each side polls as fast as it can, for so long. */
const WARM_MS = 3000;
const WARM_QUICK_MS = 800;
/** Each side polls so long before its polls are counted. */
const SETTLE_MS = 300;
const SETTLE_QUICK_MS = 100;
const BAUD = 115_200;
const BOARD = resolve(import.meta.dirname, '../relay-board.ts');
/**
 * Silence between two frames on a Modbus line above 19200 baud. Without it no board would know where a request begins;
 * it is a wait, and so a wake-up, for whoever speaks on that line (measured: 20 to 45 µs after 2 ms of idleness).
 */
const SILENCE_MS = 1.75;
/** Unit, function, one byte of inputs, checksum. */
const REPLY_BYTES = 6;

export const serialCpu: Metric = {
  name: 'serial-cpu',
  unit: 'µs',
  what: `processor time of a poll of one of ${BOARDS} boards through driver and supervisor; beside a bare serialport that writes and reads the same on the same pty, as often and with the silence between frames that Modbus asks for`,
  goal: { ratio: 1.15, direction: 'at-most' },
  async prepare({ quick }) {
    await using parts = new AsyncDisposableStack();
    const folder = parts.use(new Folder());
    const path = join(folder.path, 'board');
    const board = parts.use(await boardProcess(path));
    const owned = parts.move();
    const ms = quick ? 400 : 3000;
    const perPoll = async (length: number) => {
      await pause(clock, quick ? SETTLE_QUICK_MS : SETTLE_MS);
      const [from, before] = [await board.answered(), process.cpuUsage()];
      await pause(clock, length);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / ((await board.answered()) - from);
    };
    const warm = () => pause(clock, quick ? WARM_QUICK_MS : WARM_MS);
    await bare(path, { pollMs: 1, silenceMs: SILENCE_MS }, warm);
    await supervised(path, 20, warm);
    const ours: number[] = [];
    const breathless: number[] = [];
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: quick ? 2 : 9,
      isCold: true,
      n: BOARDS,
      floor: async () => {
        const without = { pollMs: POLL_MS, silenceMs: 0 };
        if (!quick) breathless.push(await bare(path, without, () => perPoll(ms)));
        return bare(path, { pollMs: POLL_MS, silenceMs: SILENCE_MS }, () => perPoll(ms));
      },
      ours: async () => {
        const found = await supervised(path, POLL_MS, () => perPoll(ms));
        ours.push(found);
        return found;
      },
      also: () => {
        if (quick) return [];
        const ratio = (median(ours) / median(breathless)).toFixed(2);
        const what = 'beside bare polls without that silence, which no such line carries';
        return [{ what: `${what}: ${ratio}`, met: undefined }];
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

async function bare<Found>(
  path: string,
  { pollMs, silenceMs }: { readonly pollMs: number; readonly silenceMs: number },
  measure: () => Promise<Found>,
): Promise<Found> {
  const port = new SerialPort({ path, baudRate: BAUD, autoOpen: false });
  await new Promise<void>((done, failed) => port.open((error) => (error ? failed(error) : done())));
  const requests = Array.from({ length: BOARDS }, (_, n) =>
    Buffer.from(readRequest(n + 1, READ_INPUTS, 0, 8)),
  );
  let heard = 0;
  let replied = () => {};
  port.on('data', (bytes: Buffer) => {
    heard += bytes.length;
    if (heard < REPLY_BYTES) return;
    heard = 0;
    replied();
  });
  const ending = new AbortController();
  const polling = (async () => {
    while (!ending.signal.aborted) {
      const next = pause(clock, pollMs);
      for (const request of requests) {
        const reply = new Promise<void>((resolve) => {
          replied = resolve;
        });
        port.write(request);
        port.drain();
        await reply;
        if (silenceMs > 0) await pause(clock, silenceMs);
      }
      await next;
    }
  })();
  const found = await measure();
  ending.abort();
  await polling;
  await new Promise<void>((done) => port.close(() => done()));
  return found;
}

async function supervised<Found>(
  path: string,
  pollMs: number,
  measure: () => Promise<Found>,
): Promise<Found> {
  const stop = new AbortController();
  const online = new Set<string>();
  const devices = openDevices({
    buses: [{ name: 'bus', baudRate: BAUD }],
    devices: Array.from({ length: BOARDS }, (_, n) => ({
      id: deviceId(`board-${n + 1}`),
      driver: 'modbus-relay',
      bus: 'bus',
      options: {
        ...modbusRelayOptions.parse({ address: n + 1, strike: { relay: 1 } }),
        pollMs, // less than the options allow, to get warm
      },
    })),
    catalogue,
    openers: new Map([['bus', serialOpener({ path, baudRate: BAUD, clock })]]),
    clock,
    random,
    secrets: new Map(),
    onEvent: ({ kind, device }) => {
      if (kind === 'online') online.add(device);
    },
    beforeWire: () => true,
  });
  const running = devices.run(stop.signal);
  await until(() => online.size === BOARDS, 20_000);
  const found = await measure();
  stop.abort();
  await running;
  return found;
}

async function boardProcess(path: string) {
  const child: ChildProcess = fork(BOARD, [path], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return {
    answered: async () => {
      const told = once(child, 'message');
      child.send('how many');
      return Number((await told)[0]);
    },
    [Symbol.asyncDispose]: async () => {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}
