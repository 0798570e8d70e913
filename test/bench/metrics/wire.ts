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
      perRound: quick ? 2 : 20,
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

/** A pty, and a bare serialport on it. */
async function barePort(directory: string, name: string) {
  await using parts = new AsyncDisposableStack();
  const wire = new DirectWire(name);
  const path = join(directory, name);
  const pty = await servePty(wire, { path });
  parts.defer(() => pty.close());
  const port = new SerialPort({ path, baudRate: 115_200, autoOpen: false });
  await new Promise<void>((done, failed) => port.open((error) => (error ? failed(error) : done())));
  parts.defer(() => new Promise<void>((done) => port.close(() => done())));
  const owned = parts.move();
  return { wire, port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A lock that is written to and says nothing; `write` resolves when the bytes are at its end. */
export async function bareDoor(directory: string) {
  const door = await barePort(directory, 'bare-door');
  return {
    write: (bytes: Buffer) =>
      new Promise<void>((resolve) => {
        door.wire.heard = () => resolve();
        door.port.write(bytes);
      }),
    [Symbol.asyncDispose]: () => door[Symbol.asyncDispose](),
  };
}

async function bareWire() {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(new Folder());
  const commits = parts.use(new BareCommits(folder.path));
  const keys = parts.use(await barePort(folder.path, 'keys'));
  const door = parts.use(await bareDoor(folder.path));
  let heard = () => {};
  keys.port.on('data', () => {
    commits.commit();
    void door.write(FRAME).then(() => heard());
  });
  const owned = parts.move();
  return {
    once: async () => {
      await pause(clock, 20);
      const frame = new Promise<void>((resolve) => {
        heard = resolve;
      });
      const before = performance.now();
      keys.wire.say(Uint8Array.of(0x42));
      await frame;
      return (performance.now() - before) * 1000;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
