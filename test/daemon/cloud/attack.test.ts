import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EntryType } from '../../../daemon/access/entry.ts';
import type { ClientKeyFile } from '../../../daemon/cloud/client-key.ts';
import { newSender } from '../../../daemon/cloud/enrolment.ts';
import type { ReplyCode } from '../../../daemon/cloud/messages.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { BRIDGE, type Bridge, Home, openBridge } from './bridge.ts';
import { Forge, type Made } from './forge.ts';
import { Wire } from './wire.ts';

/** Somebody who owns the broker, and has recorded everything that ever passed through it. */
interface Stage {
  readonly clock: SimulatedClock;
  readonly wire: Wire;
  readonly bridge: Bridge;
  readonly cc: Forge;
  readonly home: Home;
  key(kid: string): ClientKeyFile;
  nonce(): string;
  send(made: Made, how?: { retain?: boolean; topic?: string }): Promise<void>;
}

interface Try {
  readonly what: string;
  readonly does: (stage: Stage) => Promise<Made | undefined>;
  /** What the journal says of it; `undefined`: nothing, it is answered from the store. */
  readonly entry: EntryType | undefined;
  /** The code of the reply; `none`: an attacker learns nothing. */
  readonly reply: ReplyCode | 'none' | 'dup';
}

const OPEN = { dev: 'box', slot: 7, ms: 500 };

/** A command bent in one way, then sent. */
function bent(bend: (stage: Stage) => Parameters<Forge['make']>[3]): Try['does'] {
  return async (stage) => {
    const made = stage.cc.make('slot.open', OPEN, stage.nonce(), bend(stage));
    await stage.send(made);
    return made;
  };
}

/** Tampers with a part of a good token. */
function tampered(change: (parts: string[]) => string[]): Try['does'] {
  return async (stage) => {
    const made = stage.cc.make('slot.open', OPEN, stage.nonce());
    await stage.send({ ...made, token: change(made.token.split('.')).join('.') });
    return made;
  };
}

function reencoded(
  part: string | undefined,
  change: (value: Record<string, unknown>) => object,
): string {
  const value = JSON.parse(Buffer.from(part ?? '', 'base64url').toString());
  return Buffer.from(JSON.stringify(change(value))).toString('base64url');
}

const tries: readonly Try[] = [
  {
    what: 'publishes plain JSON',
    does: async ({ send }) => {
      await send({
        id: '',
        type: 'slot.open',
        token: JSON.stringify({ v: 1, type: 'slot.open', body: OPEN }),
      });
      return undefined;
    },
    entry: 'security.bad_signature',
    reply: 'none',
  },
  {
    what: 'changes the slot in a recorded command',
    does: tampered(([head = '', body, mac = '']) => [
      head,
      reencoded(body, (value) => ({ ...value, body: { ...OPEN, slot: 8 } })),
      mac,
    ]),
    entry: 'security.bad_signature',
    reply: 'none',
  },
  {
    what: 'says that there is no signature (alg none)',
    does: bent(() => ({ header: { alg: 'none' } })),
    entry: 'security.bad_signature',
    reply: 'none',
  },
  {
    what: 'brings its own key in the header (jwk)',
    does: bent(({ home }) => {
      const own = newSender('cc-test', {
        bridge: BRIDGE,
        root: 'latchkey',
        sealingKey: home.enrolment.identity.publicSealing,
      });
      return { key: own.file, header: { jwk: own.trusted.jwk } };
    }),
    entry: 'security.bad_signature',
    reply: 'none',
  },
  {
    what: 'signs with its own key under a trusted name',
    does: bent(({ home }) => ({
      key: newSender('cc-test', {
        bridge: BRIDGE,
        root: 'latchkey',
        sealingKey: home.enrolment.identity.publicSealing,
      }).file,
    })),
    entry: 'security.bad_signature',
    reply: 'none',
  },
  {
    what: 'signs with its own key under its own name',
    does: bent(({ home }) => ({
      key: newSender('cc-evil', {
        bridge: BRIDGE,
        root: 'latchkey',
        sealingKey: home.enrolment.identity.publicSealing,
      }).file,
    })),
    entry: 'security.unknown_key',
    reply: 'none',
  },
  {
    what: 'opens with the leaked ops key',
    does: bent(({ key }) => ({ key: key('ops-test'), change: { ctr: 1 } })),
    entry: 'security.unknown_key',
    reply: 'denied',
  },
  {
    what: 'gives a command for another site',
    does: bent(() => ({ change: { aud: 'kb-000000' } })),
    entry: 'security.wrong_audience',
    reply: 'none',
  },
  {
    what: 'publishes a recorded command as retained',
    does: async (stage) => {
      const made = stage.cc.make('slot.open', OPEN, stage.nonce());
      await stage.send(made, { retain: true });
      return made;
    },
    entry: 'security.retained_command',
    reply: 'none',
  },
  {
    what: 'plays a command again that was done',
    does: async (stage) => {
      const made = stage.cc.make('ping', {}, undefined);
      await stage.send(made);
      await stage.clock.settle();
      await stage.send(made);
      return made;
    },
    entry: undefined,
    reply: 'dup',
  },
  {
    what: 'plays an unlock of last week again, its id long forgotten',
    does: async (stage) => {
      const made = stage.cc.make('slot.open', OPEN, stage.nonce(), { change: { ctr: 1 } });
      await stage.clock.advance(7 * 86_400_000);
      await stage.send(made);
      return made;
    },
    entry: 'security.expired_command',
    reply: 'expired',
  },
  {
    what: 'holds an unlock back until its nonce is old, with the wall clock set back',
    does: async (stage) => {
      const made = stage.cc.make('slot.open', OPEN, stage.nonce());
      await stage.clock.advance(11 * 60_000);
      stage.clock.shiftWall(-11 * 60_000);
      await stage.send(made);
      return made;
    },
    entry: 'security.replayed_command',
    reply: 'nonce_stale',
  },
  {
    what: 'serves an old retained state, so that the cloud signs an old nonce',
    does: bent(() => ({ change: { nonce: 'q7mJ2v8s' } })),
    entry: 'security.replayed_command',
    reply: 'nonce_stale',
  },
  {
    what: 'holds an unlock back over a restart of the bridge with a broken clock',
    does: async (stage) => {
      const made = stage.cc.make('slot.open', OPEN, stage.nonce());
      stage.bridge.clockState = 'broken';
      stage.wire.cut();
      await stage.clock.runUntil(() => stage.wire.isConnected, 5_000);
      await stage.clock.advance(5_000);
      stage.wire.cut();
      await stage.clock.runUntil(() => stage.wire.isConnected, 5_000);
      await stage.clock.settle();
      await stage.send(made);
      return made;
    },
    entry: 'security.replayed_command',
    reply: 'nonce_stale',
  },
  {
    what: 'uses a counter twice under a new id',
    does: async (stage) => {
      const first = stage.cc.make('ping', {}, undefined, { change: { ctr: 4711 } });
      await stage.send(first);
      const second = stage.cc.make('slot.open', OPEN, stage.nonce(), { change: { ctr: 4711 } });
      await stage.send(second);
      return second;
    },
    entry: 'security.replayed_command',
    reply: 'replay',
  },
  {
    what: 'sends a command that is signed for another topic',
    does: async (stage) => {
      const made = stage.cc.make('ping', {}, undefined);
      await stage.send(made, { topic: `latchkey/1/${BRIDGE}/cmd/unlock` });
      return made;
    },
    entry: undefined,
    reply: 'bad_request',
  },
  {
    what: 'makes a command live longer than its kind may',
    does: bent(({ clock }) => ({ change: { exp: Math.floor(clock.now() / 1000) + 3_600 } })),
    entry: undefined,
    reply: 'bad_request',
  },
  {
    what: 'sends a command of tomorrow',
    does: bent(({ clock }) => {
      const iat = Math.floor(clock.now() / 1000) + 86_400;
      return { change: { iat, exp: iat + 30 } };
    }),
    entry: undefined,
    reply: 'clock_untrusted',
  },
  {
    what: 'adds a field to the envelope that is not known',
    does: bent(() => ({ change: { sudo: true } })),
    entry: 'security.malformed_command',
    reply: 'bad_request',
  },
  {
    what: 'leaves the counter out',
    does: bent(() => ({ change: { ctr: undefined } })),
    entry: 'security.replayed_command',
    reply: 'replay',
  },
  {
    what: 'sends more bytes than a command may have',
    does: async ({ send }) => {
      await send({ id: '', type: 'ping', token: 'A'.repeat(65 * 1024) });
      return undefined;
    },
    entry: 'security.malformed_command',
    reply: 'none',
  },
  {
    what: 'nests a body deeper than it may be',
    does: bent(() => {
      let deep: object = {};
      for (let n = 0; n < 9; n += 1) deep = { deep };
      return { change: { body: { ...OPEN, deep } } };
    }),
    entry: undefined,
    reply: 'limit_exceeded',
  },
  {
    what: 'asks for a command that does not exist',
    does: bent(() => ({ change: { type: 'door.explode' } })),
    entry: undefined,
    reply: 'unsupported',
  },
];

for (const { what, does, entry, reply } of tries) {
  test(`whoever owns the broker opens nothing: ${what}`, async () => {
    using home = new Home();
    const clock = new SimulatedClock();
    const random = seededRandom(17);
    const wire = new Wire();
    await using bridge = await openBridge(home, { clock, random, broker: wire });
    await clock.settle();
    const stage: Stage = {
      clock,
      wire,
      bridge,
      home,
      cc: new Forge(home.sender('cc-test'), clock, random),
      key: (kid) => home.sender(kid),
      nonce: () => {
        const states = wire.json(/\/state$/) as { nonces?: string[] }[];
        return states.findLast((state) => state.nonces !== undefined)?.nonces?.[0] ?? '';
      },
      send: (made, how = {}) =>
        wire.deliver(how.topic ?? `latchkey/1/${BRIDGE}/cmd/${made.type}`, made.token, {
          retain: how.retain === true,
        }),
    };
    const before = bridge.grants.digest('cloud');
    const made = await does(stage);
    await clock.settle();
    assert.equal(bridge.doors.pulseCount, 0, 'a door moved');
    assert.equal(bridge.grants.digest('cloud'), before);
    const alarms = bridge.journal
      .read({ limit: 5000, classes: ['security'] })
      .filter(({ type }) => type === entry);
    assert.equal(alarms.length, entry === undefined ? 0 : 1);
    const replies = wire.replies(made?.id);
    if (reply === 'none') assert.deepEqual(replies, []);
    else if (reply === 'dup')
      assert.deepEqual(
        replies.map(({ dup, status }) => [dup, status]),
        [
          [false, 'ok'],
          [true, 'ok'],
        ],
      );
    else
      assert.deepEqual(
        replies.map(({ code, status }) => [code, status]),
        [[reply, 'error']],
      );
  });
}

test('a flood of forgeries makes one entry a minute, and counts the rest', async () => {
  using home = new Home();
  const clock = new SimulatedClock();
  const random = seededRandom(3);
  const wire = new Wire();
  await using bridge = await openBridge(home, { clock, random, broker: wire });
  await clock.settle();
  for (let n = 0; n < 500; n += 1)
    await wire.deliver(`latchkey/1/${BRIDGE}/cmd/ping`, `forged ${n}`);
  await clock.advance(61_000);
  await wire.deliver(`latchkey/1/${BRIDGE}/cmd/ping`, 'forged');
  const entries = bridge.journal.read({ limit: 100, types: ['security.bad_signature'] });
  assert.deepEqual(
    entries.map(({ body }) => body['suppressed']),
    [undefined, 499],
  );
  assert.equal(bridge.link.status.refused, 501);
});
