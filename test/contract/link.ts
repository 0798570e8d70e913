/** What every byte link promises, whatever is behind it. Called by one test file for each kind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkError } from '../../drivers/contract/errors.ts';
import type { ByteLink, ByteLinkOpener, LinkListener } from '../../drivers/contract/link.ts';
import type { Uptime } from '../../drivers/contract/time.ts';

/** One link's surroundings: how to open it, and what a test does at its other end. */
export interface LinkBench extends AsyncDisposable {
  readonly opener: ByteLinkOpener;
  /** Bytes that arrived at the other end so far. */
  readonly arrived: () => Uint8Array;
  /** The other end says something. */
  say(bytes: Uint8Array): void;
  /** The adapter is pulled out, the gateway switched off. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
  /** Waits until it holds; real links in real time, simulated ones on their clock. */
  until(reached: () => boolean): Promise<void>;
  /** Speed can be changed (serial lines). */
  readonly hasSpeed: boolean;
}

export class Heard implements LinkListener {
  readonly chunks: { readonly bytes: Uint8Array; readonly at: Uptime }[] = [];
  readonly ends: LinkError[] = [];
  /** Chunks that came after the end. */
  late = 0;

  bytes(bytes: Uint8Array, at: Uptime): void {
    if (this.ends.length > 0) this.late += 1;
    this.chunks.push({ bytes, at });
  }

  closed(why: LinkError): void {
    this.ends.push(why);
  }

  get text(): string {
    return hex(joined(this.chunks.map(({ bytes }) => bytes)));
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, value) => value);
const NEVER = new AbortController().signal;

/** Makes the tests of one kind of link; `bench` gives fresh surroundings to each. */
export function linkContract(kind: string, bench: () => Promise<LinkBench>): void {
  const open = async (at: LinkBench): Promise<{ heard: Heard; link: ByteLink }> => {
    const heard = new Heard();
    return { heard, link: await settled(at, at.opener.open(heard, NEVER)) };
  };

  test(`${kind}: every byte passes unchanged in both directions`, async () => {
    await using at = await bench();
    const { heard, link } = await open(at);
    const left = await settled(at, link.send(EVERY_BYTE));
    await at.until(() => at.arrived().length >= 256);
    assert.equal(hex(at.arrived()), hex(EVERY_BYTE));
    at.say(EVERY_BYTE);
    await at.until(() => heard.text.length >= 512);
    assert.equal(heard.text, hex(EVERY_BYTE));
    assert.ok((heard.chunks[0]?.at ?? 0) > 0 && left > 0);
    await settled(at, link.close());
  });

  test(`${kind}: bytes keep their order over many sends`, async () => {
    await using at = await bench();
    const { link } = await open(at);
    const sends = Array.from({ length: 20 }, (_, index) => link.send(Uint8Array.of(index, 255)));
    const moments = await settled(at, Promise.all(sends));
    await at.until(() => at.arrived().length >= 40);
    assert.deepEqual(
      [...at.arrived()],
      Array.from({ length: 20 }, (_, index) => [index, 255]).flat(),
    );
    assert.deepEqual(
      moments,
      moments.toSorted((a, b) => a - b),
    );
    await settled(at, link.close());
  });

  test(`${kind}: closing tells the listener once, and closing again is nothing`, async () => {
    await using at = await bench();
    const { heard, link } = await open(at);
    await settled(at, Promise.all([link.close(), link.close()]));
    await settled(at, link.close());
    at.say(Uint8Array.of(1, 2, 3));
    await at.until(() => true);
    assert.deepEqual(
      heard.ends.map(({ code }) => code),
      ['closed'],
    );
    assert.equal(heard.late, 0);
  });

  test(`${kind}: a closed link refuses to send, and the bytes never come later`, async () => {
    await using at = await bench();
    const { link } = await open(at);
    await settled(at, link.close());
    await assert.rejects(settled(at, link.send(Uint8Array.of(0xde, 0xad))), { code: 'closed' });
    const again = await open(at);
    await settled(at, again.link.send(Uint8Array.of(1)));
    await at.until(() => at.arrived().length > 0);
    assert.equal(hex(at.arrived()), '01');
    await settled(at, again.link.close());
  });

  test(`${kind}: an unplugged link ends once by itself, and what was sent into it never arrives`, async () => {
    await using at = await bench();
    const { heard, link } = await open(at);
    await at.unplug();
    await at.until(() => heard.ends.length > 0);
    await assert.rejects(settled(at, link.send(Uint8Array.of(0xde, 0xad))), (error) => {
      return error instanceof LinkError && error.code === 'closed';
    });
    await settled(at, link.close());
    assert.deepEqual(
      heard.ends.map(({ code }) => code),
      ['closed'],
    );
    await at.plug();
    const again = await open(at);
    assert.equal(again.link.identity, link.identity, 'the same device is known again');
    await settled(at, again.link.send(Uint8Array.of(7)));
    await at.until(() => at.arrived().length > 0);
    assert.equal(hex(at.arrived()), '07');
    await settled(at, again.link.close());
  });

  test(`${kind}: what is not there is told with a code and a sentence`, async () => {
    await using at = await bench();
    await at.unplug();
    await assert.rejects(settled(at, at.opener.open(new Heard(), NEVER)), (error) => {
      assert.ok(error instanceof LinkError);
      assert.match(error.code, /^(missing|refused)$/);
      assert.ok(error.message.includes(at.opener.name), error.message);
      return true;
    });
  });

  test(`${kind}: an opening that was given up leaves nothing open`, async () => {
    await using at = await bench();
    const giveUp = new AbortController();
    giveUp.abort();
    await assert.rejects(settled(at, at.opener.open(new Heard(), giveUp.signal)), {
      code: 'closed',
    });
    const { link } = await open(at);
    await settled(at, link.close());
  });

  test(`${kind}: the speed is changed between frames, or refused where there is none`, async () => {
    await using at = await bench();
    const { link } = await open(at);
    if (at.hasSpeed) {
      await settled(at, link.send(EVERY_BYTE));
      await settled(at, link.setBaudRate(38_400));
      await settled(at, link.send(Uint8Array.of(9)));
      await at.until(() => at.arrived().length >= 257);
    } else {
      await assert.rejects(settled(at, link.setBaudRate(38_400)), { code: 'failed' });
    }
    await settled(at, link.close());
  });
}

/** Lets the bench's time pass until the promise has come to its end, then gives what it gave. */
async function settled<Value>(at: LinkBench, promise: Promise<Value>): Promise<Value> {
  let done = false;
  const watched = promise.finally(() => {
    done = true;
  });
  watched.catch(() => undefined); // looked at below, perhaps a turn later
  await at.until(() => done);
  return watched;
}
