/** What the own cloud and its broker send: commands, acknowledgements, tokens, sealed secrets. */
import {
  newKeyPair,
  privateKeyOf,
  publicHalf,
  publicKeyOf,
  seal,
  unseal,
} from '../../daemon/cloud/jose.ts';
import { readCompact, signNow, verifyCompact } from '../../daemon/cloud/jws.ts';
import { SimulatedClock } from '../../simulator/clock.ts';
import { seededRandom } from '../../simulator/random.ts';
import { Home, openBridge } from '../daemon/cloud/bridge.ts';
import { Forge } from '../daemon/cloud/forge.ts';
import { Wire } from '../daemon/cloud/wire.ts';
import type { FuzzTarget } from './fuzz-target.ts';

export async function cloudTargets(): Promise<readonly FuzzTarget[]> {
  return [await commandTarget(), jwsTarget(), await jweTarget()];
}

/** A command as the broker hands it over: acknowledged whatever it is, and nothing moves that was not signed. */
async function commandTarget(): Promise<FuzzTarget> {
  const home = new Home();
  const clock = new SimulatedClock();
  const random = seededRandom(5);
  const wire = new Wire();
  const bridge = await openBridge(home, { clock, random, broker: wire });
  await clock.settle();
  home[Symbol.dispose](); // its keys are read
  const cc = new Forge(home.sender('cc-test'), clock, random);
  const made = (['ping', 'diag.get', 'grant.revoke'] as const).map((type) =>
    cc.make(type, type === 'grant.revoke' ? { id: 'g', rev: 1 } : {}, undefined),
  );
  const topics = ['cmd/ping', 'cmd/slot.open', 'cmd/grant.put', 'ack'];
  let turn = 0;
  return {
    name: 'command',
    seeds: made.map(({ token }) => Buffer.from(token)),
    async run(input) {
      turn += 1;
      await wire.deliver(`${bridge.topics.base}/${topics[turn % topics.length]}`, input);
      wire.published.length = 0;
      if (bridge.doors.pulseCount > 0) throw new Error('a door moved');
      if (!wire.isConnected) throw new Error('the bridge gave its session up');
      return undefined;
    },
  };
}

const TYP = 'cmd+jws';

/** A token is taken whole and unchanged, or not at all. */
function jwsTarget(): FuzzTarget {
  const pair = newKeyPair('Ed25519');
  const key = publicKeyOf(publicHalf(pair));
  const good = [{ v: 1, id: 'a', body: {} }, { ä: 'ö' }, {}].map((payload) =>
    signNow(payload, TYP, { kid: 'cc', key: privateKeyOf(pair) }),
  );
  const known = new Set(good);
  return {
    name: 'jws',
    seeds: good.map((token) => Buffer.from(token)),
    run(input) {
      const token = Buffer.from(input).toString('latin1');
      const compact = readCompact(token, TYP);
      const { kind } = verifyCompact(token, TYP, (kid) => (kid === 'cc' ? key : undefined));
      if (kind === 'verified' && !known.has(token))
        throw new Error('a token that nobody signed is good');
      return `${kind} ${compact === undefined}`;
    },
  };
}

/** What was sealed to this key, or nothing. */
async function jweTarget(): Promise<FuzzTarget> {
  const pair = newKeyPair('X25519');
  const key = privateKeyOf(pair);
  const secrets = ['482913', '0F00012A03'];
  const sealed = await Promise.all(secrets.map((secret) => seal(secret, publicHalf(pair))));
  return {
    name: 'jwe',
    seeds: sealed.map((token) => Buffer.from(token)),
    async run(input) {
      const opened = await unseal(Buffer.from(input).toString('latin1'), key);
      // Anybody may seal anything to a public key: what opens must be one of ours, for nobody else made one here.
      if (opened !== undefined && !secrets.includes(opened))
        throw new Error('something else opened');
      return String(opened !== undefined);
    },
  };
}
