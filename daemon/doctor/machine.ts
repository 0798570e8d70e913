/** The machine under the daemon: its disk, its store, its clock, its service manager. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Account, may } from './account.ts';
import { advice, codeOf, type Finding, fault, well } from './finding.ts';

/** The daemon asks for room before it is out of it (conventions 3.4). */
const FREE_LEAST = 100 * 1024 * 1024;
const USED_MOST = 0.9;
const ANSWER_WITHIN = 3000;

export function storeFindings(directory: string, account: Account): readonly Finding[] {
  const stats = statSync(directory, { throwIfNoEntry: false });
  if (stats === undefined) {
    return [
      fault(
        'store',
        `there is no ${directory}`,
        `install -d -m 700 -o ${account.name} ${directory}; the service makes it by itself`,
      ),
    ];
  }
  const found: Finding[] = [];
  if (!may(account, stats, 'write')) {
    const remedy = `chown -R ${account.name}: ${directory}`;
    found.push(fault('store', `${account.name} may not write to ${directory}`, remedy));
  }
  if ((stats.mode & 0o077) !== 0) {
    found.push(fault('store', `others may look into ${directory}`, `chmod 700 ${directory}`));
  }
  for (const { name, open, foreign } of filesIn(directory, account)) {
    const file = join(directory, name);
    if (open) found.push(fault('store', `others may read ${file}`, `chmod 600 ${file}`));
    if (foreign) {
      found.push(
        fault('store', `${file} is not ${account.name}’s`, `chown ${account.name}: ${file}`),
      );
    }
  }
  return found.length > 0 ? found : [well('store', `${directory}, for ${account.name} only`)];
}

function filesIn(directory: string, { uid }: Account) {
  try {
    return readdirSync(directory).flatMap((name) => {
      const stats = statSync(join(directory, name), { throwIfNoEntry: false });
      if (stats?.isFile() !== true) return [];
      return [{ name, open: (stats.mode & 0o077) !== 0, foreign: uid !== 0 && stats.uid !== uid }];
    });
  } catch {
    return []; // another user's: told above
  }
}

export function diskFindings(directory: string): readonly Finding[] {
  const there = existing(directory);
  try {
    const { bavail, blocks, bfree, bsize } = statfsSync(there);
    const free = bavail * bsize;
    const used = blocks === 0 ? 0 : 1 - bfree / blocks;
    const told = `${Math.round(free / 1024 ** 2)} MB free where ${there} is, ${Math.round(used * 100)} % used`;
    if (free < FREE_LEAST) {
      const remedy =
        'journalctl --vacuum-size=50M; apt clean; a larger card; entries may soon not be stored';
      return [fault('disk', told, remedy)];
    }
    if (used > USED_MOST) {
      return [advice('disk', told, 'make room: no backup is made while it is so full')];
    }
    return [well('disk', told)];
  } catch (error) {
    return [fault('disk', `${there}: ${codeOf(error)}`, 'see to the file system: dmesg, fsck')];
  }
}

function existing(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : existing(dirname(path));
}

/** @param builtAt no right clock is earlier. @param contact the last one with a time server, ms since 1970. */
export function clockFindings(
  now: number,
  builtAt: number,
  contact: number | undefined,
  isAssumed: boolean,
): readonly Finding[] {
  if (now < builtAt) {
    return [
      fault(
        'clock',
        `it shows ${new Date(now).toISOString()}, which was before this version was made`,
        'timedatectl set-ntp true, a network, or a battery for the clock of the machine',
      ),
    ];
  }
  if (isAssumed) return [well('clock', 'taken as right (policies.clockSource: assumed)')];
  if (contact === undefined) {
    return [
      advice(
        'clock',
        'no contact with a time server since the machine started',
        'systemctl enable --now systemd-timesyncd; timedatectl timesync-status says whom it asks',
      ),
    ];
  }
  const hours = (now - contact) / 3_600_000;
  return hours > 24
    ? [
        advice(
          'clock',
          `last contact with a time server ${Math.round(hours)} h ago`,
          'look at the network',
        ),
      ]
    : [well('clock', `agreed with a time server ${Math.round(hours * 60)} min ago`)];
}

/** Whether the unit is there, enabled and running. */
export async function serviceFindings(unit = 'latchkey.service'): Promise<readonly Finding[]> {
  if (!existsSync('/run/systemd/system')) {
    const what = 'systemd does not run here';
    return [advice('service', what, 'whatever starts the daemon must start it again when it ends')];
  }
  const properties = 'LoadState,UnitFileState,ActiveState,NRestarts';
  try {
    const { stdout } = await promisify(execFile)(
      'systemctl',
      ['show', unit, `--property=${properties}`],
      { timeout: ANSWER_WITHIN },
    );
    return unitFindings(unit, Object.fromEntries(stdout.trim().split('\n').map(pair)));
  } catch (error) {
    return [advice('service', `systemctl: ${codeOf(error)}`, 'systemctl status')];
  }
}

function pair(line: string): readonly [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}

export function unitFindings(
  unit: string,
  shown: Readonly<Record<string, string>>,
): readonly Finding[] {
  const { LoadState, UnitFileState, ActiveState, NRestarts } = shown;
  if (LoadState !== 'loaded') {
    return [
      advice('service', `${unit} is not installed`, 'the Debian package, or systemd/README.md'),
    ];
  }
  return [
    UnitFileState === 'enabled'
      ? well('service', `${unit} starts with the machine`)
      : fault('service', `${unit} does not start with the machine`, `systemctl enable ${unit}`),
    ActiveState === 'active'
      ? well('service', `${unit} runs`)
      : fault(
          'service',
          `${unit} is ${ActiveState}`,
          `systemctl start ${unit}; journalctl -u ${unit} says why`,
        ),
    ...(Number(NRestarts) > 3
      ? [
          advice(
            'service',
            `${unit} was started again ${NRestarts} times`,
            `journalctl -u ${unit} -p warning`,
          ),
        ]
      : []),
  ];
}
