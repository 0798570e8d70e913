/** What each admitted command does: which desk or door it goes to, and in what way it is answered. */
import { deviceId, slotNumber } from '../../drivers/contract/device.ts';
import { instant } from '../../drivers/contract/time.ts';
import type { Entry, Stamp } from '../access/entry.ts';
import type { AccessPointId } from '../access/model.ts';
import type { EvidenceRow } from '../store/ports.ts';
import type { BodyOf } from './commands.ts';
import type { DeskResult } from './desk-result.ts';
import { GrantDesk, type GrantDeskParts } from './grant-desk.ts';
import { KeyDesk } from './key-desk.ts';
import type { WireCommand } from './messages.ts';
import { errorPart, okPart, plain, type ReplyPart } from './reply-part.ts';
import type { Asked, Attempt, SiteActions } from './site-actions.ts';
import type { TrustStore } from './trust-store.ts';
import { grantIdOf } from './wire-grant.ts';

/** What the downlink asks of the way up. */
export interface EventFlow {
  /** Highest contiguous event the cloud has. */
  acknowledge(epoch: string, seq: number): Promise<void>;
  /** Events to be sent once more; how many there are, or why not. */
  resend(epoch: string, from: number, to: number): number | 'not-found' | 'limit-exceeded';
}

/** How a command is worked on; its evidence is committed accordingly. */
export type Work =
  /** The site does it, and commits the evidence with its intent. */
  | { readonly kind: 'attempt'; readonly attempt: Attempt }
  /** Desired state: effect first, evidence after. */
  | { readonly kind: 'desired'; readonly result: Promise<DeskResult> }
  /** Known at once. */
  | { readonly kind: 'answer'; readonly part: ReplyPart; readonly entries: readonly Entry[] };

export interface CommandDeskParts extends GrantDeskParts {
  readonly site: SiteActions;
  readonly trust: TrustStore;
  readonly events: EventFlow;
  readonly stamp: () => Stamp;
}

export class CommandDesk {
  readonly #parts: CommandDeskParts;
  readonly #grants: GrantDesk;
  readonly #keys: KeyDesk;

  constructor(parts: CommandDeskParts) {
    this.#parts = parts;
    this.#grants = new GrantDesk(parts);
    this.#keys = new KeyDesk(parts);
  }

  /** `rows` are the command's evidence, for those who commit it themselves. */
  begin(command: WireCommand, kid: string, rows: readonly EvidenceRow[]): Work {
    const { site, stamp, events } = this.#parts;
    const asked: Asked = { command: command.id, kid, requester: command.requester };
    switch (command.type) {
      case 'grant.put':
        return desired(this.#grants.put(command.body));
      case 'grant.revoke':
        return desired(this.#grants.revoke(command.body));
      case 'grants.snapshot':
        return desired(this.#grants.snapshot(command.body));
      case 'grants.delta':
        return desired(this.#grants.delta(command.body));
      case 'grants.compare':
        return desired(Promise.resolve(this.#grants.compare(command.body)));
      case 'key.put':
        return desired(this.#keys.put(command.body));
      case 'key.remove':
        return desired(this.#keys.remove(command.body));
      case 'unlock':
      case 'slot.open': {
        const { dev, slot, ms, by, reason } = command.body;
        const action = {
          ...asked,
          device: deviceId(dev),
          ...(slot === undefined ? {} : { slot: slotNumber(slot) }),
          ...(ms === undefined ? {} : { hold: ms }),
          ...(by === undefined ? {} : { by }),
          ...(reason === undefined ? {} : { reason }),
          expires: instant(command.exp * 1000),
        };
        return attempt(site.open(action, rows));
      }
      case 'lock':
        return attempt(site.lock(withDevice(asked, command.body.dev), rows));
      case 'lockdown': {
        const { scope, allowStaff } = command.body;
        const action = { ...asked, scope: scopeOf(scope), allowStaff };
        return attempt(site.lockdown(action, rows));
      }
      case 'release': {
        const action = { ...asked, lockdown: command.body.lockdownId };
        return attempt(site.release(action, rows));
      }
      case 'keypad.reset':
        return attempt(site.keypadReset(withDevice(asked, command.body.dev), rows));
      case 'uses.confirm': {
        const { grant, count } = command.body;
        return attempt(site.confirmUses({ ...asked, grant: grantIdOf(grant), count }, rows));
      }
      case 'time': {
        const { unixMs, errMs } = command.body;
        return attempt(site.time({ ...asked, unixMs: instant(unixMs), errMs }, rows));
      }
      case 'config': {
        const action = { ...asked, version: command.body.version, set: plain(command.body.set) };
        return attempt(site.config(action, rows));
      }
      case 'device.identify':
        return attempt(site.identify(withDevice(asked, command.body.dev), rows));
      case 'device.add': {
        const { dev, settings, wire } = command.body;
        const action = {
          ...withDevice(asked, dev),
          settings: plain(settings),
          ...(wire === undefined ? {} : { wire: plain(wire) }),
        };
        return attempt(site.deviceAdd(action, rows));
      }
      case 'device.remove':
        return attempt(site.deviceRemove(withDevice(asked, command.body.dev), rows));
      case 'update.start': {
        const action = { ...asked, settings: plain(command.body.settings) };
        return attempt(site.update(action, rows));
      }
      case 'ping': {
        const { echo } = command.body;
        const data = { ...(echo === undefined ? {} : { echo }), receivedAt: stamp().at };
        return answer(okPart(data));
      }
      case 'diag.get':
        return answer(okPart(site.diagnostics()));
      case 'events.resend': {
        const { epoch, from, to } = command.body;
        const resent = events.resend(epoch, from, to);
        if (typeof resent === 'number') {
          return answer(okPart({ events: resent }));
        }
        const code = resent === 'not-found' ? 'not_found' : 'limit_exceeded';
        return answer(errorPart(code, 'no such range of events'));
      }
      case 'key.rotate':
        return this.#rotate(command.body, kid);
      default:
        return command satisfies never;
    }
  }

  /** The keys are on the disk before the reply is; a repetition after a crash finds them and changes nothing. */
  #rotate({ add, retire }: BodyOf<'key.rotate'>, kid: string): Work {
    const result = this.#parts.trust.rotate(
      kid,
      { ...(add === undefined ? {} : { add }), ...(retire === undefined ? {} : { retire }) },
      this.#parts.stamp().clock,
    );
    if (result.kind === 'refused') {
      const [code, msg] = ROTATION_REFUSED[result.why];
      return answer(errorPart(code, `${msg}: the keys stay as they are`));
    }
    const body = {
      by: kid,
      rev: result.rev,
      ...(add === undefined ? {} : { added: add.kid }),
      ...(retire === undefined ? {} : { retired: retire }),
      alarm: true,
    };
    return answer(okPart({ rev: result.rev }), [{ type: 'security.key_rotated', body }]);
  }
}

const ROTATION_REFUSED = {
  power: ['denied', 'only the recovery key changes keys of another power than its own'],
  'not-found': ['not_found', 'retire names a key that is not here'],
  known: ['conflict', 'add.kid is taken by another key'],
  last: ['conflict', 'retire names the last key of its power that goes on; add another first'],
  clock: ['clock_untrusted', 'a key is retired after a day, and the time is not known here'],
  limit: ['limit_exceeded', 'there are as many keys as there may be; retire one first'],
} as const;

function attempt(under: Attempt): Work {
  return { kind: 'attempt', attempt: under };
}

function desired(result: Promise<DeskResult>): Work {
  return { kind: 'desired', result };
}

function answer(part: ReplyPart, entries: readonly Entry[] = []): Work {
  return { kind: 'answer', part, entries };
}

function withDevice(asked: Asked, dev: string) {
  return { ...asked, device: deviceId(dev) };
}

function scopeOf(scope: string): 'site' | AccessPointId {
  return scope === 'site' ? 'site' : (scope as AccessPointId);
}
