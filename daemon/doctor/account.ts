/** Who the daemon runs as, and what that user may do with a file. */
import { readFileSync, type Stats, statSync } from 'node:fs';

export interface Account {
  readonly name: string;
  readonly uid: number;
  /** Its own first. */
  readonly groups: readonly { readonly gid: number; readonly name: string }[];
}

/** The user of the service where there is one, else whoever owns the store, else whoever asks. */
export function accountOf(directory: string): Account {
  const users = rows('/etc/passwd');
  const own = statSync(directory, { throwIfNoEntry: false })?.uid ?? process.getuid?.() ?? 0;
  const row =
    users.find(([name, , uid]) => (own === 0 ? name === 'latchkey' : Number(uid) === own)) ??
    users.find(([, , uid]) => Number(uid) === own);
  const [name = String(own), , uid = String(own), gid = String(own)] = row ?? [];
  return {
    name,
    uid: Number(uid),
    groups: rows('/etc/group').flatMap(([group = '', , number, members = '']) =>
      number === gid || members.split(',').includes(name)
        ? [{ gid: Number(number), name: group }]
        : [],
    ),
  };
}

/** As the kernel would, from owner, group and mode; `systemd` gives no more than that. */
export function may({ uid, groups }: Account, stats: Stats, wanted: 'read' | 'write'): boolean {
  if (uid === 0) return true;
  const bit = wanted === 'read' ? 4 : 2;
  if (stats.uid === uid) return (stats.mode & (bit << 6)) !== 0;
  if (groups.some(({ gid }) => gid === stats.gid)) return (stats.mode & (bit << 3)) !== 0;
  return (stats.mode & bit) !== 0;
}

/** The group that a device belongs to, for who has to join it. */
export function groupName(gid: number): string {
  return rows('/etc/group').find(([, , number]) => Number(number) === gid)?.[0] ?? String(gid);
}

function rows(file: string): readonly (readonly string[])[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return []; // a container without either
  }
}
