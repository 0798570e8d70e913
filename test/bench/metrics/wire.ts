/** From the last key at a keypad to the lock. */
import { join } from 'node:path';
import { SerialPort } from 'serialport';
import { pause } from '../../../drivers/contract/time.ts';
import { servePty } from '../../../simulator/pty.ts';
import { clock } from '../clocks.ts';
import { BareCommits } from '../disk.ts';
import { Folder } from '../house.ts';
import type { Metric } from '../measure.ts';
import { DirectWire } from '../relay-board.ts';
import { doorCode, opened, runningSite } from '../site.ts';

/** Eight doors take turns, and each has rested by its next. */
const APART_MS = 140;
const FRAME = Buffer.alloc(8, 0x55);

export const wireToWire: Metric = {
  name: 'wire-to-wire',
  unit: 'µs',
  what: 'last key on a pty until the unlock frame on another; beside a bare serialport that commits one row and writes 8 bytes',
  goal: { ratio: 1.5, direction: 'at-most' },
  async prepare({ quick }) {
    await using parts = new AsyncDisposableStack();
    const site = parts.use(await runningSite());
    const bare = parts.use(await bareWire());
    const owned = parts.move();
    return {
      perRound: quick ? 6 : 20,
      turns: 'each',
      n: 1,
      floor: () => bare.once(),
      ours: async (n) => {
        site.type(doorCode(n));
        await pause(clock, APART_MS);
        const frame = opened(site.board);
        const before = performance.now();
        site.end();
        await frame;
        return (performance.now() - before) * 1000;
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

async function bareWire() {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(new Folder());
  const commits = parts.use(new BareCommits(folder.path));
  const open = async (name: string) => {
    const wire = new DirectWire(name);
    const path = join(folder.path, name);
    const pty = await servePty(wire, { path });
    parts.defer(() => pty.close());
    const port = new SerialPort({ path, baudRate: 115_200, autoOpen: false });
    await new Promise<void>((done, failed) =>
      port.open((error) => (error ? failed(error) : done())),
    );
    parts.defer(() => new Promise<void>((done) => port.close(() => done())));
    return { wire, port };
  };
  const keys = await open('keys');
  const door = await open('door');
  keys.port.on('data', () => {
    commits.commit();
    door.port.write(FRAME);
  });
  const owned = parts.move();
  return {
    once: async () => {
      await pause(clock, 20);
      const heard = new Promise<void>((resolve) => {
        door.wire.heard = () => resolve();
      });
      const before = performance.now();
      keys.wire.say(Uint8Array.of(0x42));
      await heard;
      return (performance.now() - before) * 1000;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
