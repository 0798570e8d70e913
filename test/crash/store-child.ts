/** The process that `store.test.ts` kills: it says on stdout what was acknowledged, and goes on after a restart. */
import { writeSync } from 'node:fs';
import { resolveWindow } from '../../daemon/access/window.ts';
import { digestOf } from '../../daemon/store/digest.ts';
import {
  type GrantStoreOptions,
  livePointer,
  openGrantStore,
} from '../../daemon/store/grants-open.ts';
import { openJournal } from '../../daemon/store/journal-open.ts';
import type { EvidenceRow, GrantChange } from '../../daemon/store/ports.ts';
import { instant } from '../../drivers/contract/time.ts';
import {
  entryOf,
  grantId,
  grantOf,
  NOON,
  SeededRandom,
  StillClock,
  stampAt,
} from '../daemon/store/known.ts';

const [mode = '', directory = '', at = ''] = process.argv.slice(2);
const clock = new StillClock();
const random = new SeededRandom(process.pid);

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

async function opened(step?: GrantStoreOptions['step']) {
  const { journal } = await openJournal({ directory, clock, random });
  const { grants } = await openGrantStore({
    directory,
    clock,
    random,
    zone: 'Europe/Stockholm',
    tzdata: '2026c',
    resolve: resolveWindow,
    live: livePointer(journal, () => stampAt(NOON)),
    tombstones: journal,
    ...(step === undefined ? {} : { step }),
  });
  return { journal, grants };
}

/** Appends until it is killed, by itself after `at` entries; several batches are under way at a time. */
async function append(): Promise<void> {
  const { journal } = await openJournal({ directory, clock, random });
  for (;;) {
    const first = journal.lastSeq;
    const batches = [1, 2, 3].map((n) => {
      const id = `c-${first + n}`;
      return journal.append({
        stamp: stampAt(instant(NOON + first)),
        entries: [entryOf(first + n)],
        rows: [{ table: 'command', id, reply: { n }, expires: instant(NOON * 2) }],
      });
    });
    for (const { recorded, committed } of batches) {
      await committed;
      for (const { seq, hash } of recorded) {
        say(`${seq} ${hash}`);
        if (String(seq) === at) die();
      }
    }
  }
}

/** What command `n` asks: mostly puts, every third takes a grant away for good. */
function asked(n: number): { change: GrantChange; rows: EvidenceRow[] } {
  if (n % 3 !== 2) return { change: { kind: 'put', grant: grantOf(n % 7, n + 1) }, rows: [] };
  const grant = grantId((n * 5) % 7);
  const rev = n;
  return {
    change: { kind: 'revoke', grant, rev, at: NOON },
    rows: [{ table: 'tombstone', grant, rev, at: NOON }],
  };
}

/** Commands in order: effect, then evidence, then the acknowledgement. Stops itself at step `at`, if given. */
async function commands(): Promise<void> {
  let steps = 0;
  const step = () => {
    steps += 1;
    if (String(steps) === at) die();
  };
  const { journal, grants } = await opened();
  for (let n = 0; n < 60; n++) {
    if (journal.command(`c-${n}`) === undefined) {
      const { change, rows } = asked(n);
      step();
      await grants.write({ source: 'cloud', changes: [change] });
      step();
      await journal.append({
        stamp: stampAt(NOON),
        entries: [entryOf(n)],
        rows: [
          ...rows,
          { table: 'command', id: `c-${n}`, reply: true, expires: instant(NOON * 2) },
        ],
      }).committed;
      step();
    }
    say(`${n}`);
  }
  say('done');
  die();
}

/** One snapshot over another, stopped at a step of the swap. */
async function snapshot(): Promise<void> {
  const stepAt = { step: '' };
  const { grants } = await opened((step) => {
    if (stepAt.step === step) die();
  });
  const apply = async (version: number, count: number) => {
    const picture = Array.from({ length: count }, (_, n) => grantOf(n, version));
    const builder = await grants.snapshot('cloud', `s-${version}`);
    await builder.part(1, picture);
    if (stepAt.step === 'parts') die();
    await builder.commit({ parts: 1, version, digest: digestOf(picture) });
  };
  await apply(1, 30);
  say('first');
  stepAt.step = at;
  await apply(2, 20);
  say('second');
  die();
}

const modes: Record<string, () => Promise<void>> = { append, commands, snapshot };
await modes[mode]?.();
