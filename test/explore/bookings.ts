/** What hosts and guests do with the vendors: at the vendor's own page, or with a client pointed at the box. */
import { StorageError } from '../../daemon/store/ports.ts';
import type { DialectResponse } from '../../daemon/vendors/dialect.ts';
import { VENDOR_SECRET } from '../site.ts';
import { type DeskCall, handed } from './front-desk.ts';
import { ZONE } from './given.ts';
import type { Life } from './life.ts';
import { KEYCAFE_KEY, LEVEL, OPENS, SEAM_DEVICE } from './vendor-world.ts';

/** Something that was made with a client at the box. */
export interface AtBox {
  readonly vendor: 'keycafe' | 'seam' | 'intserv';
  /** As the client knows it. */
  readonly id: string | number;
  readonly code: string;
}

const MOST = 10;

/** Of Keycafe, there and here. */
export const GUESTS = ['Ada', 'Bo'] as const;

export async function books(life: Life): Promise<void> {
  const { keycafe, seam } = life.world;
  const { start, end } = stay(life);
  const code = nextCode(life);
  switch (life.draw(5)) {
    case 0: {
      if (keycafe.accesses.size >= MOST) return;
      const made = keycafe.addAccess({ ...wall(start, end), name: GUESTS[0] }, KEYCAFE_KEY);
      return life.say(`keycafe gives ${made.bookingCode} ${span(start, end)}`);
    }
    case 1: {
      const body = { ...wall(start, end), name: GUESTS[1], key: { id: KEYCAFE_KEY } };
      const answer = await atBox(life, 'POST', '/keycafe/v0/access', body);
      const { id, bookingCode } = Object(answer?.body);
      if (bookingCode === undefined) return;
      life.atBox.push({ vendor: 'keycafe', id, code: bookingCode });
      life.given.give(bookingCode, { key: OPENS.keycafe.key, start, end });
      return life.say(`a client of keycafe books ${bookingCode} ${span(start, end)}`);
    }
    case 2: {
      if (seam.grants.size >= MOST) return;
      seam.addGrant({
        user_identity: { full_name: 'Cleo' },
        requested_access_methods: [{ mode: 'code', code }],
        device_ids: [SEAM_DEVICE],
        starts_at: iso(start),
        ends_at: iso(end),
      });
      return life.say(`seam gives ${code} ${span(start, end)}`);
    }
    case 3: {
      const body = { device_id: SEAM_DEVICE, code, starts_at: iso(start), ends_at: iso(end) };
      life.given.give(code, { key: OPENS.seam.key, start, end });
      const answer = await atBox(life, 'POST', '/seam/access_codes/create', body);
      const id = Object(Object(answer?.body).access_code).access_code_id;
      if (id !== undefined) life.atBox.push({ vendor: 'seam', id, code });
      return life.say(`a client of seam makes ${code} ${span(start, end)}: ${answer?.status}`);
    }
    default: {
      life.given.give(code, { key: OPENS.intserv.key, start, end });
      const body = { ...keyOf(code), ...dates(start, end), access_levels: [LEVEL] };
      const answer = await atBox(life, 'POST', '/intserv/v1/accesskeys/add', body);
      if (answer?.status === 200) life.atBox.push({ vendor: 'intserv', id: code, code });
      return life.say(`a client of intserv adds ${code} ${span(start, end)}: ${answer?.status}`);
    }
  }
}

/** What lasts longer than any life, so that no vendor has a word to say of it later. */
export async function atVendorsFromTheStart(life: Life): Promise<void> {
  const { keycafe, seam } = life.world;
  const now = life.began + life.site.clock.uptime();
  const end = now + 90 * 24 * 3_600_000;
  for (let many = 0; many < 3; many += 1) {
    const start = Math.floor((now + (life.draw(20) - 12) * life.pace.edge) / 60_000) * 60_000;
    keycafe.addAccess({ ...wall(start, end), name: GUESTS[0] }, KEYCAFE_KEY);
    seam.addGrant({
      user_identity: { full_name: 'Cleo' },
      requested_access_methods: [{ mode: 'code', code: nextCode(life) }],
      device_ids: [SEAM_DEVICE],
      starts_at: iso(start),
      ends_at: iso(end),
    });
    const body = { ...keyOf(nextCode(life)), ...dates(start, end), access_levels: [LEVEL] };
    await atBox(life, 'POST', '/intserv/v1/accesskeys/add', body);
  }
}

export async function changesBooking(life: Life): Promise<void> {
  const { keycafe, seam } = life.world;
  const { start, end } = stay(life);
  const of = life.draw(3);
  if (of === 0 && keycafe.accesses.size > 0) {
    const access = life.one([...keycafe.accesses.values()]);
    access.body = { ...access.body, ...wall(start, end) };
    return life.say(`keycafe moves ${access.bookingCode} to ${span(start, end)}`);
  }
  if (of === 1 && seam.grants.size > 0) {
    const { access_grant_id } = life.one([...seam.grants.values()]);
    seam.changeGrant({ access_grant_id, starts_at: iso(start), ends_at: iso(end) });
    return life.say(`seam moves a grant to ${span(start, end)}`);
  }
  const made = life.atBox.filter(({ vendor }) => vendor !== 'seam');
  if (made.length === 0) return;
  const { vendor, id, code } = life.one(made);
  if (vendor === 'keycafe') {
    life.given.give(code, { key: OPENS.keycafe.key, start, end });
    const answer = await atBox(life, 'PUT', `/keycafe/v0/access/${id}`, wall(start, end));
    return life.say(`a client moves ${code} to ${span(start, end)}: ${answer?.status}`);
  }
  life.given.give(code, { key: OPENS.intserv.key, start, end });
  const body = { ...keyOf(code), ...dates(start, end), access_levels: [LEVEL] };
  const answer = await atBox(life, 'POST', '/intserv/v1/accesskeys/add', body);
  life.say(`a client moves ${code} to ${span(start, end)}: ${answer?.status}`);
}

export async function cancelsBooking(life: Life): Promise<void> {
  const { keycafe, seam, intserv } = life.world;
  const of = life.draw(4);
  if (of === 0 && keycafe.accesses.size > 0) {
    const { id, bookingCode } = life.one([...keycafe.accesses.values()]);
    keycafe.cancel(id);
    return life.say(`keycafe cancels ${bookingCode}`);
  }
  if (of === 1 && seam.grants.size > 0) {
    seam.deleteGrant(life.one([...seam.grants.keys()]));
    return life.say('seam takes a grant back');
  }
  if (of === 2 && intserv.keys.size > 0) {
    const { id, body } = life.one([...intserv.keys.values()]);
    intserv.keys.delete(id);
    return life.say(`intserv's portal removes ${body.key?.identification}`);
  }
  if (life.atBox.length === 0) return;
  const made = life.one(life.atBox);
  const answer = await takesBack(life, made);
  life.say(`a client takes ${made.code} back: ${answer?.status}`);
  if (answer === undefined || answer.status >= 300) return;
  life.given.takenBack(made.code);
  life.atBox.splice(life.atBox.indexOf(made), 1);
}

function takesBack(life: Life, { vendor, id, code }: AtBox): Promise<DialectResponse | undefined> {
  switch (vendor) {
    case 'keycafe':
      return atBox(life, 'DELETE', `/keycafe/v0/access/${id}`);
    case 'seam':
      return atBox(life, 'POST', '/seam/access_codes/delete', { access_code_id: id });
    case 'intserv':
      return atBox(life, 'POST', '/intserv/v1/accesskeys/remove', keyOf(code));
    default:
      return vendor satisfies never;
  }
}

export async function guestTypesCode(life: Life): Promise<void> {
  const { codes } = life.given;
  if (codes.length === 0) return;
  const code = life.one(codes.slice(-8));
  life.say(`a guest types ${code}`);
  life.site.hand('keypad', 'press', { keys: `${code}#` });
  await life.pass(life.draw(4000));
}

/** Keycafe tells its webhook of keys only: then all is read. */
export function keyMovesAtKeycafe(life: Life): void {
  const key = life.world.keycafe.keys.get(KEYCAFE_KEY);
  if (key === undefined) return;
  life.say('keycafe hears of the key');
  if (key.location === undefined) life.world.keycafe.dropOff(key, 1);
  else life.world.keycafe.pickUp(key);
}

async function atBox(
  life: Life,
  method: DeskCall['method'],
  path: string,
  body?: object,
): Promise<DialectResponse | undefined> {
  const routes = life.world.box();
  if (routes === undefined) return undefined;
  const authorization = path.startsWith('/keycafe')
    ? `Basic ${Buffer.from(VENDOR_SECRET).toString('base64')}`
    : `Bearer ${VENDOR_SECRET}`;
  const text = body === undefined ? undefined : JSON.stringify(body);
  try {
    const headers = { authorization, 'content-type': 'application/json' };
    return await life.site.settling(handed(routes, { method, path, headers, body: text }));
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { status: 503 };
  }
}

/** To the minute, as Keycafe has it. */
function stay(life: Life): { readonly start: number; readonly end: number } {
  const now = life.began + life.site.clock.uptime();
  const whole = (moment: number) => Math.floor(moment / 60_000) * 60_000;
  const start = whole(now + (life.draw(20) - 14) * life.pace.edge);
  return { start, end: whole(start + 60_000 + (1 + life.draw(20)) * life.pace.edge) };
}

/** Unlike any other number of a life. */
function nextCode(life: Life): string {
  life.codes += 1;
  return String(FIRST_CODE + life.codes * CODE_STEP);
}

/** Whether a code is one of those that were wished for at the vendors or by their clients. */
export function isDrawn(life: Life, code: string): boolean {
  const number = (Number(code) - FIRST_CODE) / CODE_STEP;
  return Number.isInteger(number) && number > 0 && number <= life.codes;
}

const FIRST_CODE = 210_000;
const CODE_STEP = 373;

function keyOf(identification: string) {
  return { key: { identification, type: 'code' } };
}

function dates(start: number, end: number) {
  return { valid_from_date: iso(start), valid_to_date: iso(end) };
}

function wall(start: number, end: number) {
  const [accessStartDate = '', accessStartTime = ''] = wallClock(start).split(' ');
  const [accessEndDate = '', accessEndTime = ''] = wallClock(end).split(' ');
  return { accessStartDate, accessStartTime, accessEndDate, accessEndTime };
}

const WALL = new Intl.DateTimeFormat('sv-SE', {
  timeZone: ZONE,
  dateStyle: 'short',
  timeStyle: 'short',
});

/** `2026-03-02 10:00` */
function wallClock(at: number): string {
  return WALL.format(at);
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function span(start: number, end: number): string {
  return `${iso(start)}..${iso(end)}`;
}
