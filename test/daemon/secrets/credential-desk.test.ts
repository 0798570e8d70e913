import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../config/schema.ts';
import { Ledger } from '../../../daemon/access/ledger.ts';
import { credentialId } from '../../../daemon/access/model.ts';
import { SiteCredentialDesk } from '../../../daemon/secrets/credential-desk.ts';
import { Vault } from '../../../daemon/secrets/vault.ts';
import { instant, type Random } from '../../../drivers/contract/time.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { simulatedSite } from '../../site.ts';
import { grantOf } from '../store/known.ts';

test('a PIN is refused where too many of its length are active, and grants by fob do not count', async () => {
  await using site = await simulatedSite({ seed: 41 });
  const { secrets } = site.daemon.desk;
  for (let n = 0; n < 12; n += 1) await site.put({ id: `fob-${n}`, fob: `0F000000${10 + n}` });
  // One keypad and four digits: ten codes are the most at a thousand to one.
  const drawn: string[] = [];
  for (let n = 0; n < 12; n += 1) {
    const pin = secrets.drawPin(4);
    if (pin === undefined) break;
    drawn.push(pin);
    await site.put({ id: `pin-${n}`, pin });
  }
  assert.equal(drawn.length, 10);
  assert.equal(new Set(drawn).size, 10);
  await site.advance(100);
  const told = site.journal.filter(({ type }) => type === 'grant.code_space_low');
  assert.deepEqual(
    told.map(({ body }) => body['digits']),
    [4],
    'told once a day',
  );
  assert.match(secrets.drawPin(6) ?? '', /^\d{6}$/, 'longer ones have their own space');
});

test('a PIN for somebody who asks for no length has the length that the site is set to', async () => {
  const change = (config: Config): Config => ({
    ...config,
    site: { ...config.site, policies: { ...config.site.policies, pinDigits: 8 } },
  });
  await using site = await simulatedSite({ seed: 42, change });
  const { secrets } = site.daemon.desk;
  assert.match(secrets.drawPin() ?? '', /^\d{8}$/);
  assert.match(secrets.drawPin(5) ?? '', /^\d{5}$/);
});

/** Draws these digits over and over, then the others. */
class Foreseen implements Random {
  #left: number[];

  constructor(...codes: readonly string[]) {
    this.#left = [...codes.join('')].map(Number);
  }

  fraction(): number {
    return 0;
  }

  bytes(length: number): Uint8Array {
    const drawn = new Uint8Array(length);
    drawn[length - 1] = this.#left.shift() ?? 0;
    return drawn;
  }
}

/** One grant with the PIN 482913, over for a year, and a ledger that a key may be out in. */
function deskOf(random: Random, ledger = new Ledger()): SiteCredentialDesk {
  const clock = new SimulatedClock();
  const vault = new Vault(new Uint8Array(32).fill(7), random);
  const indexer = vault.indexer('site');
  const index = indexer.pin('482913');
  const grant = {
    ...grantOf(1),
    credentials: [{ id: credentialId('pin'), kind: 'pin', index }],
  } as const;
  const match = {
    grant,
    credential: grant.credentials[0],
    window: { start: undefined, end: instant(clock.now() - 365 * 86_400_000) },
    revoked: undefined,
  };
  return new SiteCredentialDesk({
    ...{ vault, indexer, clock, random, ledger },
    grants: {
      byCredential: (shown) => (shown === index ? [match] : []),
      grant: () => undefined,
      grantsOf: () => [],
      key: () => undefined,
      keyByFob: () => undefined,
      keys: () => [],
      reservedSlots: () => [],
      activePins: () => 0,
    },
    pinDigits: 6,
    keypads: 1,
    onCrowded: () => {},
    keepsDigits: false,
  });
}

test('two codes that are drawn before the first of them is stored are not the same', () => {
  const desk = deskOf(new Foreseen('482913', '482913', '736251'));
  assert.deepEqual([desk.drawPin(6), desk.drawPin(6)], ['482913', '736251']);
});

test('P7: a code under which a key is out is not drawn again, however long ago its stay was over', () => {
  const ledger = new Ledger();
  const { id, holder } = grantOf(1);
  const since = instant(0);
  const place = { kind: 'holder', holder, grant: id, since, due: undefined } as const;
  ledger.apply([{ table: 'key', id: 'k-1', value: { place, flags: [] } }]);
  assert.equal(deskOf(new Foreseen('482913', '736251'), ledger).drawPin(6), '736251');
});
