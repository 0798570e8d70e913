/** The acceptance sheet: what was proven at a site, by whom and when. Its text follows from its data alone. */
import { z } from 'zod';

const proof = z.strictObject({
  device: z.string(),
  part: z.enum(['slot', 'presence', 'lock', 'contact', 'fob', 'pin']),
  slot: z.int().optional(),
  /** `not-fitted`: there is none, which counts as nothing to prove. */
  result: z.enum(['proven', 'failed', 'not-tried', 'not-fitted']),
  seen: z.string(),
  at: z.iso.datetime(),
  /** From the request until the bit changed, and from then until it changed back. */
  openMs: z.int().optional(),
  shutMs: z.int().optional(),
});

const device = z.strictObject({
  device: z.string(),
  driver: z.string(),
  bus: z.string(),
  port: z.string(),
  /** Who is at the other end of the port; empty where it was never open. */
  identity: z.string(),
  hardware: z
    .strictObject({ model: z.string(), serial: z.string(), firmware: z.string() })
    .optional(),
  state: z.string(),
  /** `found`: it was not in the config before this run. */
  found: z.boolean(),
  learned: z.array(z.string()),
});

export const sheetSchema = z.strictObject({
  v: z.literal(1),
  site: z.strictObject({ id: z.string(), name: z.string().optional() }),
  who: z.string(),
  begunAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  clock: z.strictObject({
    zone: z.string(),
    tzdata: z.string(),
    state: z.enum(['synchronised', 'not-synchronised', 'assumed']),
  }),
  versions: z.record(z.string(), z.string()),
  devices: z.array(device),
  proofs: z.array(proof),
  result: z.enum(['accepted', 'not-accepted', 'interrupted']),
  /** What stands against it, one line each. */
  open: z.array(z.string()),
});

export type Sheet = z.infer<typeof sheetSchema>;
export type Proof = z.infer<typeof proof>;
export type SheetDevice = z.infer<typeof device>;

/** Everything that is there was proven, and the run came to its end. */
export function judge(
  devices: readonly SheetDevice[],
  proofs: readonly Proof[],
  isComplete: boolean,
): Pick<Sheet, 'result' | 'open'> {
  const open = proofs
    .filter(({ result }) => result === 'failed' || result === 'not-tried')
    .map((each) => `${nameOf(each)}: ${each.seen}`);
  for (const { device: id, state } of devices) {
    if (state !== 'up') open.push(`${id}: ${state}`);
    else if (!proofs.some((each) => each.device === id)) open.push(`${id}: nothing was proven`);
  }
  if (!isComplete) return { result: 'interrupted', open };
  return { result: open.length === 0 && devices.length > 0 ? 'accepted' : 'not-accepted', open };
}

export function nameOf({ device: id, part, slot }: Proof): string {
  return slot === undefined ? `${id} ${part}` : `${id} ${part} ${slot}`;
}

const RESULTS: Readonly<Record<Sheet['result'], string>> = {
  accepted: 'ACCEPTED',
  'not-accepted': 'NOT ACCEPTED',
  interrupted: 'NOT ACCEPTED: the run was stopped before its end',
};

/** The same sheet gives the same text, so that a signature over the data holds for the text too. */
export function sheetText(sheet: Sheet): string {
  const { site, clock, devices, proofs } = sheet;
  const versions = Object.entries(sheet.versions).map(([name, version]) => `${name} ${version}`);
  const lines = [
    'Latchkey acceptance sheet',
    '',
    `Site       ${site.id}${site.name === undefined ? '' : ` (${site.name})`}`,
    `Installer  ${sheet.who}`,
    `Begun      ${sheet.begunAt}`,
    `Ended      ${sheet.endedAt}`,
    `Clock      ${clock.state}, zone ${clock.zone}, tzdata ${clock.tzdata}`,
    `Versions   ${versions.join(', ')}`,
    `Result     ${RESULTS[sheet.result]}`,
  ];
  for (const each of devices) {
    const { hardware } = each;
    lines.push('', `${each.device}  ${each.driver} on ${each.bus} (${each.port})`);
    lines.push(`  state ${each.state}${each.identity === '' ? '' : `, port ${each.identity}`}`);
    if (hardware !== undefined) {
      const { model, serial, firmware } = hardware;
      lines.push(`  model ${model}, serial ${serial}, firmware ${firmware}`);
    }
    if (each.found) lines.push('  found by this run');
    for (const what of each.learned) lines.push(`  learned: ${what}`);
    for (const proven of proofs) if (proven.device === each.device) lines.push(proofLine(proven));
  }
  if (sheet.open.length > 0) lines.push('', 'Open', ...sheet.open.map((line) => `  ${line}`));
  return `${lines.join('\n')}\n`;
}

function proofLine({ part, slot, result, seen, openMs, shutMs, at }: Proof): string {
  const what = slot === undefined ? part : `${part} ${slot}`;
  const times = [
    ...(openMs === undefined ? [] : [`opened in ${openMs} ms`]),
    ...(shutMs === undefined ? [] : [`shut after ${shutMs} ms`]),
  ];
  return `  ${what.padEnd(12)}${result.padEnd(11)} ${[...times, seen].join(', ')}  [${at}]`;
}
