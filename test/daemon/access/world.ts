/** A whole site without wires: events go through gather, answer and fold as in the pipeline, on a clock moved by hand. */
import { createHmac } from 'node:crypto';
import {
  answerAtStart,
  answerTo,
  answerToCommand,
  answerToTimer,
} from '../../../daemon/access/answer.ts';
import type { Answer, Asked } from '../../../daemon/access/answered.ts';
import { toJsonObject } from '../../../daemon/access/body.ts';
import type { Command } from '../../../daemon/access/command.ts';
import type { Entry, RecordedEntry, Stamp } from '../../../daemon/access/entry.ts';
import { fold } from '../../../daemon/access/fold.ts';
import { gather, gatherForCommand, gatherForTimer } from '../../../daemon/access/gather.ts';
import { cardIndex, identityOf, parseIdentity, pinIndex } from '../../../daemon/access/identity.ts';
import type { Knowledge } from '../../../daemon/access/knowledge.ts';
import { Ledger, type LedgerChange } from '../../../daemon/access/ledger.ts';
import type { GrantLookup, StoredGrant } from '../../../daemon/access/lookup.ts';
import {
  type AccessPoint,
  accessPointId,
  type ClockInterval,
  type Credential,
  type CredentialIndex,
  credentialId,
  type Grant,
  type GrantId,
  grantId,
  holderId,
  type Key,
  keyId,
  type Policies,
} from '../../../daemon/access/model.ts';
import type { Pending } from '../../../daemon/access/presentation.ts';
import type { InputRole, KnowledgePorts, SiteFacts } from '../../../daemon/access/site-facts.ts';
import { resolveWindow } from '../../../daemon/access/window.ts';
import {
  actuationId,
  type CardBits,
  type DeviceEvent,
  type DeviceId,
  deviceId,
  slotNumber,
} from '../../../drivers/contract/device.ts';
import { type Instant, instant, uptime } from '../../../drivers/contract/time.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const hmac = (message: string) =>
  createHmac('sha256', 'pepper of the tests').update(message).digest('hex');
const SCOPE = 'site-1';
export const pinOf = (digits: string): CredentialIndex => pinIndex(hmac, SCOPE, digits);
export const fobOf = (hex: string): CredentialIndex => {
  const identity = parseIdentity(hex);
  if (identity === undefined) throw new RangeError(`no card ${hex}`);
  return cardIndex(hmac, SCOPE, identity);
};

export const POLICIES: Policies = {
  zone: 'Europe/Stockholm',
  clockUntrusted: 'grace',
  graceHours: 12,
  auditFull: 'allow_staff',
  holidays: [],
  accessLevels: new Map(),
  lockout: { freeFailures: 5, firstWait: MINUTE, longestWait: HOUR, decayEvery: HOUR },
  antiPassbackMinutes: 60,
};

export const BOX = deviceId('box');
export const LOCK = deviceId('lock');
export const KEYPAD = deviceId('keypad');
export const READER = deviceId('reader');
export const DOOR_READER = deviceId('door-reader');
export const DOOR_KEYPAD = deviceId('door-keypad');
export const LOBBY = accessPointId('lobby');
export const DOOR = accessPointId('door');

export function boxPoint(more: Partial<AccessPoint> = {}): AccessPoint {
  return {
    id: LOBBY,
    box: { device: BOX, slots: [1, 2, 3, 4].map(slotNumber), disabledSlots: [] },
    locks: [],
    readers: [READER, KEYPAD],
    slotReaders: new Map(),
    hold: 5_000,
    heldOpenAfter: MINUTE,
    ...more,
  };
}

export function doorPoint(more: Partial<AccessPoint> = {}): AccessPoint {
  return {
    id: DOOR,
    locks: [LOCK],
    readers: [DOOR_READER, DOOR_KEYPAD],
    slotReaders: new Map(),
    hold: 5_000,
    heldOpenAfter: MINUTE,
    ...more,
  };
}

/** A reader in slot 1 and one in slot 2. */
export const SLOT_READERS = new Map([
  [slotNumber(1), deviceId('in-1')],
  [slotNumber(2), deviceId('in-2')],
]);

export interface WorldOptions {
  readonly points?: readonly AccessPoint[];
  readonly policies?: Partial<Policies>;
  readonly inputs?: readonly InputRole[];
  readonly at?: number;
  readonly alone?: boolean;
}

let made = 0;

export function grantOf(more: Partial<Grant> = {}): Grant {
  made += 1;
  return {
    id: grantId(`g-${made}`),
    rev: 1,
    source: { vendor: 'cloud', ref: `ref-${made}`, version: '1' },
    holder: holderId('anna'),
    credentials: [pin('123456')],
    targets: [{ kind: 'key', id: 'k1' }],
    window: { kind: 'ongoing' },
    operations: ['pickup', 'dropoff', 'unlock'],
    options: {},
    state: 'active',
    ...more,
  };
}

export function pin(digits: string, more: Partial<Credential> = {}): Credential {
  return {
    id: credentialId(`pin-${digits}`),
    kind: 'pin',
    index: pinOf(digits),
    digits: digits.length,
    ...more,
  };
}

export function card(hex: string, more: Partial<Credential> = {}): Credential {
  return { id: credentialId(`card-${hex}`), kind: 'card', index: fobOf(hex), ...more };
}

function keyOfSite(id: string, more: Partial<Key> = {}): Key {
  return {
    id: keyId(id),
    name: id,
    rev: 1,
    source: { vendor: 'cloud', ref: id, version: '1' },
    virtual: false,
    roaming: false,
    home: LOBBY,
    ...more,
  };
}

export class World {
  readonly grants = new Map<GrantId, { grant: Grant; revoked?: { rev: number; at: Instant } }>();
  readonly keys = new Map<string, Key>();
  readonly ledger = new Ledger();
  readonly journal: RecordedEntry[] = [];
  readonly asked: (Asked & { readonly id: string })[] = [];
  readonly online = new Set<DeviceId>();
  readonly pending = new Map<Grant['id'] | AccessPoint['id'], Pending>();
  storageSafe = true;
  clock: ClockInterval | undefined;
  policies: Policies;
  now: number;
  up = 1_000_000;
  startedAt = 1_000_000;
  boot = 'boot-1';
  readonly site: { -readonly [Name in keyof SiteFacts]: SiteFacts[Name] };

  constructor(options: WorldOptions = {}) {
    const points = options.points ?? [boxPoint(), doorPoint()];
    this.policies = { ...POLICIES, ...options.policies };
    this.now = options.at ?? Date.UTC(2027, 4, 10, 10);
    this.site = {
      id: SCOPE,
      bridge: 'bridge-1',
      alone: options.alone ?? true,
      accessPoints: points,
      keypads: new Set([KEYPAD, DOOR_KEYPAD]),
      inputs: options.inputs ?? [],
      policies: this.policies,
    };
    for (const point of points) {
      for (const device of [...point.readers, ...point.locks, ...point.slotReaders.values()]) {
        this.online.add(device);
      }
      if (point.box) this.online.add(point.box.device);
    }
  }

  get stamp(): Stamp {
    return {
      at: instant(this.now),
      uptime: uptime(this.up),
      boot: this.boot,
      clock: this.interval,
    };
  }

  get interval(): ClockInterval {
    return this.clock ?? { lo: instant(this.now), hi: instant(this.now + 1), state: 'trusted' };
  }

  get ports(): KnowledgePorts {
    return {
      grants: this.lookup(),
      ledger: this.ledger,
      site: this.site,
      state: {
        online: this.online,
        storageSafe: this.storageSafe,
        pending: new Map([...this.pending].map(([id, value]) => [accessPointId(id), value])),
        startedAt: uptime(this.startedAt),
        tzdata: 'test',
      },
      indexer: { pin: pinOf, card: (bits: CardBits) => cardIndex(hmac, SCOPE, identityOf(bits)) },
    };
  }

  stored(id: GrantId): StoredGrant | undefined {
    const row = this.grants.get(id);
    if (row === undefined) return undefined;
    const window = resolveWindow(row.grant.window, this.policies.zone);
    if (typeof window === 'string') throw new RangeError(`${id}: ${window}`);
    const revoked = row.revoked && row.revoked.rev >= row.grant.rev ? row.revoked : undefined;
    return { grant: row.grant, window, revoked };
  }

  lookup(): GrantLookup {
    const all = () => [...this.grants.keys()].flatMap((id) => this.stored(id) ?? []);
    return {
      byCredential: (index) =>
        all().flatMap((stored) =>
          stored.grant.credentials
            .filter((credential) => credential.index === index)
            .map((credential) => ({ ...stored, credential })),
        ),
      grant: (id) => this.stored(id),
      grantsOf: (holder) => all().filter(({ grant }) => grant.holder === holder),
      key: (id) => this.keys.get(id),
      keyByFob: (fob) => [...this.keys.values()].find((key) => key.fob === fob),
      keys: () => [...this.keys.values()],
      reservedSlots: (box, at) =>
        all()
          .filter(
            ({ revoked, window }) =>
              revoked === undefined && (window.end === undefined || window.end > at),
          )
          .flatMap(({ grant }) => grant.targets)
          .filter(({ kind, id }) => kind === 'slot' && id.startsWith(`${box}:`))
          .map(({ id }) => slotNumber(Number(id.slice(id.indexOf(':') + 1)))),
    };
  }

  put(...grants: readonly Grant[]): Grant {
    for (const grant of grants) {
      const before = this.grants.get(grant.id);
      this.grants.set(grant.id, { ...before, grant });
    }
    const [first] = grants;
    if (first === undefined) throw new RangeError('no grant');
    return first;
  }

  revoke(id: GrantId, rev = 99): void {
    const row = this.grants.get(id);
    if (row) this.grants.set(id, { ...row, revoked: { rev, at: instant(this.now) } });
  }

  key(id: string, more: Partial<Key> = {}, slot?: number): Key {
    const key = keyOfSite(id, more);
    this.keys.set(id, key);
    if (slot !== undefined) {
      this.record([
        {
          type: 'access.corrected',
          device: BOX,
          body: { key: id, place: 'slot', box: BOX, slot, by: 'test' },
        },
      ]);
    }
    return key;
  }

  advance(length: number): Entry[] {
    this.now += length;
    this.up += length;
    return this.tick();
  }

  tick(): Entry[] {
    return this.take(answerToTimer(gatherForTimer(this.ports, this.stamp), this.stamp));
  }

  know(event: DeviceEvent): Knowledge {
    return gather(event, this.ports, this.stamp);
  }

  event(event: DeviceEvent): Entry[] {
    return this.take(answerTo(event, this.know(event), this.stamp));
  }

  command(command: Command): Answer {
    const answer = answerToCommand(
      command,
      gatherForCommand(command, this.ports, this.stamp),
      this.stamp,
    );
    this.take(answer);
    return answer;
  }

  /** Power gone and back: memory is lost, the journal is not. */
  restart(sleep = 0): Entry[] {
    this.now += sleep;
    this.boot = `boot-${Number(this.boot.slice(5)) + 1}`;
    this.up = 5_000;
    this.startedAt = 5_000;
    this.pending.clear();
    return this.take(answerAtStart(gatherForTimer(this.ports, this.stamp), this.stamp));
  }

  take(answer: Answer): Entry[] {
    const recorded = this.record(answer.entries);
    for (const { accessPoint, value } of answer.pending ?? []) {
      if (value === undefined) this.pending.delete(accessPoint);
      else this.pending.set(accessPoint, value);
    }
    for (const asked of answer.actuations) {
      const intent = asked.intent === undefined ? undefined : recorded[asked.intent];
      this.asked.push({ ...asked, id: intent === undefined ? '' : `a-${intent.seq}` });
    }
    return [...answer.entries];
  }

  record(entries: readonly Entry[]): RecordedEntry[] {
    return entries.map(({ evidence, ...entry }) => {
      const recorded: RecordedEntry = {
        ...entry,
        ...(evidence === undefined ? {} : { evidence: toJsonObject(evidence) }),
        epoch: 'e',
        seq: this.journal.length + 1,
        id: `id-${this.journal.length + 1}`,
        stamp: this.stamp,
        prev: '',
        hash: '',
      };
      this.journal.push(recorded);
      this.ledger.apply(fold(this.ledger, recorded));
      return recorded;
    });
  }

  // what hands and devices do

  card(hex: string, reader: DeviceId = READER): Entry[] {
    return this.event({
      kind: 'card-read',
      device: reader,
      technology: 'em4100',
      bits: Buffer.from(hex, 'hex'),
      bitCount: 40,
    });
  }

  code(digits: string, keypad: DeviceId = KEYPAD): Entry[] {
    return this.event({ kind: 'code-entered', device: keypad, digits });
  }

  door(slot: number, isOpen: boolean, first = false): Entry[] {
    return this.event({ kind: 'slot-door', device: BOX, slot: slotNumber(slot), isOpen, first });
  }

  presence(slot: number, present: boolean, first = false): Entry[] {
    return this.event({
      kind: 'slot-presence',
      device: BOX,
      slot: slotNumber(slot),
      present,
      first,
    });
  }

  /** The device's answer to the last thing that it was asked to open. */
  result(result: 'done' | 'failed' | 'unknown' | 'refused' = 'done'): Entry[] {
    const asked = this.asked.findLast(({ id }) => id !== '');
    if (asked === undefined) throw new RangeError('nothing was asked');
    return this.event({
      kind: 'actuation-result',
      device: asked.device,
      actuation: actuationId(asked.id),
      result,
      sent: result !== 'refused',
      acknowledged: result === 'done',
      observed: result === 'done',
    });
  }

  /** First pictures of every slot: shut, and something in those that hold a key. */
  pictures(
    sensors: { readonly door?: boolean; readonly presence?: boolean } = {
      door: true,
      presence: true,
    },
  ): void {
    for (const { box } of this.site.accessPoints) {
      for (const slot of box?.slots ?? []) {
        if (sensors.door) this.door(slot, false, true);
        const filled = [...this.ledger.all('key')].some(
          ([, { place }]) => place.kind === 'slot' && place.slot === slot,
        );
        if (sensors.presence) this.presence(slot, filled, true);
      }
    }
  }

  placeOf(id: string): string {
    const place = this.ledger.get('key', id)?.place;
    if (place === undefined) return 'none';
    if (place.kind === 'slot') return `slot ${place.slot}`;
    return place.kind === 'holder' ? `with ${place.holder}` : 'unknown';
  }

  refold(upTo = this.journal.length): Ledger {
    const ledger = new Ledger();
    for (const entry of this.journal.slice(0, upTo)) ledger.apply(fold(ledger, entry));
    return ledger;
  }
}

export const typesOf = (entries: readonly Entry[]): string[] => entries.map(({ type }) => type);

export function reasonOf(entries: readonly Entry[]): unknown {
  const [first] = entries;
  return first?.type === 'access.granted' ? 'granted' : first?.body['reason'];
}

export function rowsOf(ledger: Ledger): unknown {
  const tables = [
    'key',
    'slot',
    'use',
    'keypad',
    'credential',
    'lockdown',
    'opening',
    'area',
  ] as const;
  return Object.fromEntries(
    tables.map((table) => [
      table,
      Object.fromEntries([...ledger.all(table)].sort(([a], [b]) => (a < b ? -1 : 1))),
    ]),
  );
}

export type { LedgerChange };
