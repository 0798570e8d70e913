/** `npm start` as its own processes: the story, and a daemon that is killed under it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { z } from 'zod';
import { until } from '../../real-time.ts';

const START = resolve(import.meta.dirname, '../../../simulator/site/start.ts');

/** The API takes so many calls a minute and no more. */
const LOOK_EVERY = 50;

const storySchema = z.strictObject({
  ok: z.boolean(),
  steps: z.array(
    z.strictObject({
      name: z.string(),
      ok: z.boolean(),
      ms: z.number(),
      fault: z.string().optional(),
    }),
  ),
  decisions: z.int(),
  events: z.int(),
});

const boxSchema = z.looseObject({
  slots: z.record(z.string(), z.looseObject({ pulses: z.int() })),
});

const readySchema = z.looseObject({
  dialects: z.strictObject({
    keycafe: z.strictObject({ url: z.url(), username: z.string(), password: z.string() }),
    seam: z.strictObject({ url: z.url(), apiKey: z.string() }),
    intserv: z.strictObject({ url: z.url(), apiKey: z.string() }),
  }),
  clouds: z.strictObject({ keycafe: z.url(), seam: z.url(), intserv: z.url() }),
  ready: z.literal(true),
  api: z.url(),
  broker: z.string().startsWith('mqtt://127.0.0.1:'),
  simulator: z.url(),
  token: z.string().min(16),
  bridgeId: z.string(),
  directory: z.string(),
});

function start(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [START, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Every line of stdout, until the process ends. */
async function lines(child: ChildProcess): Promise<readonly string[]> {
  assert.ok(child.stdout);
  const all: string[] = [];
  for await (const line of createInterface(child.stdout)) all.push(line);
  return all;
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

test('the story happens as told, from the first grant to the last of the backlog', async () => {
  const child = start('--once', '--json');
  const [told, status] = await Promise.all([lines(child), ended(child)]);
  const story = storySchema.parse(JSON.parse(told.at(-1) ?? ''));
  assert.deepEqual(
    story.steps.map(({ name, fault }) => [name, fault]),
    [
      ['grant-put', undefined],
      ['pin-too-early', undefined],
      ['vendor-grant', undefined],
      ['pin-in-time', undefined],
      ['cleaner-fob', undefined],
      ['lock-on-the-air', undefined],
      ['vendor-revoked', undefined],
      ['broker-cut', undefined],
      ['dialect-offline', undefined],
      ['late-return', undefined],
      ['broker-back', undefined],
      ['vendor-caught-up', undefined],
    ],
  );
  assert.equal(story.ok, true);
  assert.equal(story.decisions, 10);
  assert.equal(status, 0);
});

test('P2, P8: a daemon killed again and again loses no entry and repeats no opening', async () => {
  const child = start('--json');
  try {
    assert.ok(child.stdout);
    const [line] = await Promise.race([
      new Promise<string[]>((resolve) =>
        createInterface(child.stdout as NodeJS.ReadableStream).once('line', (text) =>
          resolve([text]),
        ),
      ),
      ended(child).then((code) => assert.fail(`ended with ${code}`)),
    ]);
    const ready = readySchema.parse(JSON.parse(line ?? ''));
    const call = async (path: string, body?: object) => {
      const answer = await fetch(`${ready.api}/api/v1/${path}`, {
        headers: { authorization: `Bearer ${ready.token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
      return JSON.parse(await answer.text());
    };
    const journal = async () => {
      const {
        entries,
      }: { entries: { seq: number; hash: string; type: string; body: { opening?: number } }[] } =
        await call('journal?limit=500');
      return entries.toSorted((a, b) => a.seq - b.seq);
    };
    const pulses = async () => {
      const look = boxSchema.parse(await (await fetch(`${ready.simulator}/v1/devices/box`)).json());
      return Object.values(look.slots).reduce((sum, slot) => sum + slot.pulses, 0);
    };

    let before = await journal();
    for (let round = 0; round < 3; round += 1) {
      // The answer may be lost with the daemon; what was asked for may have been done or not, but once.
      const asked = call(`access-points/lobby/slots/${4 + round}/open`, { why: 'test' }).catch(
        () => undefined,
      );
      await new Promise((resolve) => setImmediate(resolve));
      if (round > 0) await asked;
      const [pid] = await daemonsOf(child);
      assert.ok(pid !== undefined);
      process.kill(pid, 'SIGKILL');
      await untilAnswers(ready.api, pid, child);
      const after = await journal();
      for (const [n, entry] of before.entries())
        assert.equal(after[n]?.hash, entry.hash, `entry ${entry.seq} is as it was`);
      assert.deepEqual(
        after.map(({ seq }) => seq),
        after.map((_, n) => n + 1),
      );
      before = after;
    }
    const openings = before.filter(({ type }) => type === 'access.commanded').length;
    assert.ok((await pulses()) <= openings, 'no opening was pulsed twice');
    const verified = await call('journal/verify', {});
    assert.equal(verified.ok, true);
    assert.ok(existsSync(ready.directory));
    child.kill('SIGTERM');
    assert.equal(await ended(child), 0);
    assert.equal(existsSync(ready.directory), false, 'nothing is left behind');
  } finally {
    child.kill('SIGKILL');
  }
});

test('P11: a wire that is pulled out by hand is told within two seconds, and works again once it is back', async () => {
  const child = start('--json');
  try {
    assert.ok(child.stdout);
    const line = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
    const { api, simulator, token } = readySchema.parse(JSON.parse(line.value ?? ''));
    const untilOnline = async (wished: boolean) => {
      const from = performance.now();
      for (let online = !wished; online !== wished; ) {
        const headers = { authorization: `Bearer ${token}` };
        const answer = await fetch(`${api}/api/v1/devices/keypad`, { headers });
        ({ online } = z.looseObject({ online: z.boolean() }).parse(await answer.json()));
        assert.ok(performance.now() < from + 10_000, `never ${wished ? 'online' : 'offline'}`);
        await new Promise((again) => setTimeout(again, LOOK_EVERY));
      }
      return performance.now() - from;
    };
    await untilOnline(true);
    await fetch(`${simulator}/v1/buses/pad-bus/unplug`, { method: 'POST' });
    assert.ok((await untilOnline(false)) < 2000);
    await fetch(`${simulator}/v1/buses/pad-bus/plug`, { method: 'POST' });
    await untilOnline(true);
  } finally {
    child.kill('SIGTERM');
    await ended(child);
  }
});

test('two demos that are started at once have their own ports, each with its own hardware', async () => {
  const children = [start('--json'), start('--json')];
  try {
    const sites = await Promise.all(
      children.map(async ({ stdout }) => {
        assert.ok(stdout);
        const line = await createInterface(stdout)[Symbol.asyncIterator]().next();
        return readySchema.parse(JSON.parse(line.value ?? ''));
      }),
    );
    for (const address of ['api', 'broker', 'simulator'] as const) {
      assert.equal(new Set(sites.map((site) => site[address])).size, 2, address);
    }
    for (const { api, token, simulator } of sites) {
      const headers = { authorization: `Bearer ${token}` };
      const isOnline = async () => {
        const answer = await fetch(`${api}/api/v1/devices/fobs`, { headers });
        assert.equal(answer.status, 200);
        return z.looseObject({ online: z.boolean() }).parse(await answer.json()).online;
      };
      while (!(await isOnline())) await new Promise((again) => setTimeout(again, LOOK_EVERY));
      await fetch(`${simulator}/v1/buses/lobby-bus/unplug`, { method: 'POST' });
      while (await isOnline()) await new Promise((again) => setTimeout(again, LOOK_EVERY));
    }
  } finally {
    for (const child of children) child.kill('SIGTERM');
    await Promise.all(children.map(ended));
  }
});

/** Process ids of the daemons that `npm start` runs. */
async function daemonsOf(parent: ChildProcess): Promise<readonly number[]> {
  const children = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8');
  return children
    .split(' ')
    .filter((text) => text !== '')
    .map(Number)
    .filter((pid) => commandOf(pid).includes('daemon/main.ts'));
}

/** Empty where the process has ended, or ends while its line is read. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && /^(ENOENT|ESRCH)$/.test(String(error.code))) {
      return '';
    }
    throw error;
  }
}

async function untilAnswers(api: string, dead: number, parent: ChildProcess): Promise<void> {
  let isUp = false;
  const end = performance.now() + 20_000;
  while (!isUp && performance.now() < end) {
    const [pid] = await daemonsOf(parent);
    if (pid !== undefined && pid !== dead) {
      isUp = await fetch(`${api}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      );
    }
    await until(() => true);
  }
  assert.ok(isUp, 'it was started again');
}
