/** Whether a site and the clouds of its vendors have the same, once all that was broken is mended. */
import { resolveWindow } from '../../daemon/access/window.ts';
import { windowOf } from '../../daemon/vendors/keycafe/mapping.ts';
import { minutes } from '../site.ts';
import { GUESTS, isDrawn } from './bookings.ts';
import { ZONE } from './given.ts';
import type { Life } from './life.ts';
import { VENDORS, type VendorName } from './vendor-world.ts';

/** Longer than the longest wait between two tries, and as often as a change may need from side to side. */
const ROUND = minutes(11);
const ROUNDS = 6;

/** Lets time pass until they agree. Answers what they do not agree on at the end. */
export async function disagreement(life: Life): Promise<string | undefined> {
  let found: string | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    await life.site.advance(ROUND);
    life.given.absorb();
    life.watcher.check();
    found = VENDORS.map((vendor) => differenceOf(life, vendor)).find((each) => each !== undefined);
    if (found === undefined) return undefined;
  }
  return found;
}

function differenceOf(life: Life, vendor: VendorName): string | undefined {
  const status = life.site.daemon.vendors.find((part) => part.status.vendor === vendor)?.status;
  if (status?.online !== true) return `${vendor} is not online: ${status?.detail}`;
  if (status.pending > 0) return `${status.pending} changes wait for ${vendor}`;
  const [here, there] = [hereOf(life, vendor), thereOf(life, vendor)];
  const [onlyHere] = here.filter((each) => !there.includes(each));
  if (onlyHere !== undefined) return `${vendor} does not have ${onlyHere}`;
  const [onlyThere] = there.filter((each) => !here.includes(each));
  return onlyThere === undefined ? undefined : `the box does not have ${onlyThere} of ${vendor}`;
}

/** Of grants that are alive and not over. */
function hereOf(life: Life, vendor: VendorName): readonly string[] {
  const { grants, secrets } = life.site.daemon.desk;
  return grants
    .list({ source: vendor, limit: 1000 })
    .filter(({ revoked, grant }) => revoked === undefined && grant.state === 'active')
    .filter(({ grant }) => (grant.unsupported ?? []).length === 0)
    .flatMap(({ grant, window }) =>
      grant.credentials.map(({ sealed }) => ({
        code: secrets.reveal(sealed ?? '', grant.id) ?? '',
        ...window,
      })),
    )
    .flatMap((each) => lineOf(life, vendor, each));
}

function thereOf(life: Life, vendor: VendorName): readonly string[] {
  const { keycafe, seam, intserv } = life.world;
  switch (vendor) {
    case 'keycafe':
      // What this site put by itself is told there, too, under other names.
      return [...keycafe.accesses.values()].flatMap(({ bookingCode: code, body }) => {
        if (!GUESTS.some((name) => name === body.name)) return [];
        const window = windowOf(body, ZONE);
        const bounds = typeof window === 'string' ? window : resolveWindow(window, ZONE);
        return typeof bounds === 'string' ? [] : lineOf(life, vendor, { code, ...bounds });
      });
    case 'seam':
      return [...seam.codes.values()]
        .filter(({ code }) => isDrawn(life, code))
        .flatMap(({ code, starts_at, ends_at }) =>
          lineOf(life, vendor, { code, start: moment(starts_at), end: moment(ends_at) }),
        );
    case 'intserv':
      return [...intserv.keys.values()].flatMap(({ body }) => {
        const [start, end] = [moment(body.valid_from_date), moment(body.valid_to_date)];
        return lineOf(life, vendor, { code: body.key?.identification ?? '', start, end });
      });
    default:
      return vendor satisfies never;
  }
}

/** What is over may be forgotten on either side. Keycafe draws a code of its own for what was booked at the box. */
function lineOf(
  life: Life,
  vendor: VendorName,
  given: {
    readonly code: string;
    readonly start?: number | undefined;
    readonly end?: number | undefined;
  },
): readonly string[] {
  const { code, start, end } = given;
  if (end !== undefined && end <= life.site.clock.now() + ROUND) return [];
  return [`${vendor === 'keycafe' ? 'access' : code} from ${start} to ${end}`];
}

function moment(text: string | null | undefined): number | undefined {
  return text == null ? undefined : Date.parse(text);
}
