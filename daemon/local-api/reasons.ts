/** Why a decision was what it was, and what would be decided. */
import { z } from 'zod';
import type { DeviceEvent, DeviceId } from '../../drivers/contract/device.ts';
import { instant } from '../../drivers/contract/time.ts';
import { toJsonObject } from '../access/body.ts';
import type { Decision } from '../access/decision.ts';
import type { Stamp } from '../access/entry.ts';
import { gather } from '../access/gather.ts';
import { type CredentialIndex, grantId } from '../access/model.ts';
import { safeReason } from '../access/safe-reason.ts';
import type { KnowledgePorts } from '../access/site-facts.ts';
import { explain, whatIf } from '../access/why.ts';
import { instantOf, isWallTime } from '../access/window.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { entryAt } from './entries.ts';
import { entryReply, entrySchema } from './entry-reply.ts';
import { ApiError } from './errors.ts';
import { deviceName, instantIn, iso, isoOrNull, moment, openId, placeName } from './fields.ts';
import { pointAt } from './places.ts';

const decisionSchema = z
  .object({ kind: z.enum(['granted', 'denied']), reason: z.string().optional() })
  .loose();

const clockSchema = z.object({ state: z.string(), lo: moment, hi: moment.nullable() });

const whySchema = z.object({
  entry: entrySchema,
  sentence: z.string(),
  explained: z.boolean().describe('false: the entry is no decision, or its evidence was erased'),
  same: z.boolean().nullable().describe('the replay gave the same decision, bit for bit'),
  differences: z.array(z.string()),
  decision: decisionSchema.nullable(),
  clock: clockSchema.nullable(),
  tzdata: z.string().nullable(),
  guest: z
    .string()
    .nullable()
    .describe('all that a guest may be told of a refusal: less than the reason'),
});

const wallTime = z.string().refine(isWallTime);

const whatIfBody = z.strictObject({
  accessPoint: placeName.optional().describe('the only one, if missing'),
  reader: deviceName.optional().describe('the first that will do, if missing'),
  grant: openId.optional(),
  credential: openId.optional().describe('the first of the grant, if missing'),
  pin: z
    .string()
    .regex(/^\d{4,16}$/, '4 to 16 digits')
    .optional()
    .describe('instead of a grant; the calls a minute are few, so that it is no place to guess at'),
  at: z
    .union([moment, wallTime], 'a time such as 2027-03-28T02:30, or with seconds and offset')
    .optional()
    .describe(
      'with offset, or as a clock at the site shows it; now, if missing; keys lie where they are now',
    ),
});
type WhatIfBody = z.infer<typeof whatIfBody>;

export function reasonEndpoints(desk: SiteDesk): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/why/{seq}',
      scope: 'read',
      summary: 'Why a decision was what it was: replayed on what it knew',
      params: z.strictObject({ seq: z.coerce.number().pipe(z.int().min(1)) }),
      reply: whySchema,
      call: ({ params: { seq } }) => why(desk, seq),
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/what-if',
      perMinute: 30,
      scope: 'read',
      summary:
        'What would be decided if the credential of a grant, or a PIN, were shown; leaves no trace',
      body: whatIfBody,
      reply: z.object({
        sentence: z.string(),
        decision: decisionSchema,
        at: moment,
        reader: z.string(),
      }),
      call: ({ body }) => wouldBe(desk, body),
    }),
  ];
}

function why(desk: SiteDesk, seq: number): z.infer<typeof whySchema> {
  const entry = entryAt(desk, seq);
  const told = explain(entry);
  const common = { entry: entryReply(entry), sentence: told.sentence };
  if (told.kind === 'no-evidence') {
    return {
      ...common,
      explained: false,
      same: null,
      differences: [],
      decision: null,
      clock: null,
      tzdata: null,
      guest: null,
    };
  }
  const { state, lo, hi } = told.clock;
  return {
    ...common,
    explained: true,
    same: told.isSame,
    differences: [...told.differences],
    decision: decisionReply(told.decision),
    clock: { state, lo: iso(lo), hi: isoOrNull(hi) },
    tzdata: told.tzdata,
    guest: told.decision.kind === 'denied' ? safeReason(told.decision.reason) : null,
  };
}

function wouldBe(desk: SiteDesk, body: WhatIfBody) {
  const ports = desk.ports();
  const point = pointAt(desk, body.accessPoint ?? onlyPoint(ports));
  const { kind, showing, as } = shownBy(desk, body);
  const able = point.readers.filter((device) => kind !== 'pin' || ports.site.keypads.has(device));
  const reader = body.reader === undefined ? able[0] : able.find((each) => each === body.reader);
  if (reader === undefined) {
    throw new ApiError('bad_request', `no reader at ${point.id} takes a ${kind}`, 'reader');
  }
  const now = desk.stamp();
  const stamp = body.at === undefined ? now : at(now, body.at, ports.site.policies.zone);
  const known = gather(showing(reader), as === undefined ? ports : withIndex(ports, as), stamp);
  if (known.presentation === undefined) throw new TypeError('a showing is a presentation');
  const { decision, sentence } = whatIf(known, known.presentation, stamp.clock);
  return { sentence, decision: decisionReply(decision), at: iso(stamp.at), reader };
}

function onlyPoint({ site }: KnowledgePorts): string {
  const [one, ...more] = site.accessPoints.map(({ id }) => id);
  if (one !== undefined && more.length === 0) return one;
  throw new ApiError('bad_request', `one of ${[one, ...more].join(', ')}`, 'accessPoint');
}

interface Shown {
  readonly kind: string;
  readonly showing: (device: DeviceId) => DeviceEvent;
  /** The hash that it is known by, where the digits or the number are not. */
  readonly as?: CredentialIndex;
}

/** A grant's credential is found by its hash: no number and no digits are needed, nor looked up. */
function shownBy(desk: SiteDesk, { grant, credential: wanted, pin }: WhatIfBody): Shown {
  if ((grant === undefined) === (pin === undefined)) {
    throw new ApiError('bad_request', 'a grant or a PIN is wanted, one of them', 'grant');
  }
  if (pin !== undefined) return { kind: 'pin', showing: (device) => typed(device, pin) };
  const stored = grant === undefined ? undefined : desk.grants.grant(grantId(grant));
  if (stored === undefined) throw new ApiError('not_found', `there is no grant ${grant}`, 'grant');
  const credential = stored.grant.credentials.find(
    ({ id }) => wanted === undefined || id === wanted,
  );
  if (credential === undefined) {
    throw new ApiError('not_found', 'the grant has no such credential', 'credential');
  }
  const { kind, index, digits = 4 } = credential;
  return {
    kind,
    as: index,
    // Something of the right kind and length; what it is, the hash says.
    showing: (device) => (kind === 'pin' ? typed(device, '0'.repeat(digits)) : held(device)),
  };
}

/** The same uncertainty as now, around another moment. */
function at(now: Stamp, moment: string, zone: string): Stamp {
  const when = isWallTime(moment) ? instantOf(moment, zone, 'start') : instantIn(moment);
  const { lo, hi } = now.clock;
  return {
    ...now,
    at: when,
    clock: {
      ...now.clock,
      lo: instant(when - (now.at - lo)),
      hi: instant(when + (hi - now.at)),
    },
  };
}

function typed(device: DeviceId, digits: string): DeviceEvent {
  return { kind: 'code-entered', device, digits };
}

function held(device: DeviceId): DeviceEvent {
  return { kind: 'card-read', device, technology: 'em4100', bits: new Uint8Array(5), bitCount: 40 };
}

function withIndex(ports: KnowledgePorts, index: CredentialIndex): KnowledgePorts {
  return { ...ports, indexer: { pin: () => index, card: () => index } };
}

/** Without the hash of a fob that would be attached, and without what waits for the next presentation. */
function decisionReply(decision: Decision): z.infer<typeof decisionSchema> {
  const { pending: _pending, ...rest } = decision;
  const { attaches: _attaches, ...plain } = toJsonObject(rest);
  return { ...plain, kind: decision.kind };
}
