/** A Debian of its own in a directory: commands run in it, and the daemon as its unit would start it, without systemd. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ended, printed } from '../daemon/cli/process.ts';
import { freshRoot } from './debian-archive.ts';

const CREDENTIALS = '/run/credentials/latchkey.service';
/** What is mounted is of this process and gone with it. */
const inside = (proc = '') => `mount -t proc ${proc} proc "$0/proc" && exec chroot "$0" "$@"`;
/** ProtectProc= and ProcSubset= of the unit. */
const ITS_PROC = '-o hidepid=invisible,subset=pid';

export interface Done {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class DebianRoot implements AsyncDisposable {
  readonly path: string;
  #daemon: ChildProcess | undefined;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'latchkey-root-'));
    chmodSync(this.path, 0o755); // its users enter it, too
    // What the package depends on, and what every Pi has.
    freshRoot(this.path, [
      'systemd',
      'ca-certificates',
      'libstdc++6',
      'libudev1',
      'udev',
      'man-db',
    ]);
  }

  /** @param line of shell. Hardware that this process simulates goes on meanwhile. */
  async try(line: string, input = ''): Promise<Done> {
    const child = this.begin('sh', '-c', line);
    child.stdin?.on('error', () => {}); // it ended without reading: its status says why
    child.stdin?.end(input);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    return { status: await ended(child), stdout, stderr };
  }

  async run(line: string, input?: string): Promise<string> {
    const { status, stdout, stderr } = await this.try(line, input);
    assert.equal(status, 0, `${line}: ${stdout}${stderr}`);
    return stdout;
  }

  read(file: string): string {
    return readFileSync(join(this.path, file), 'utf8');
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.path, file), text);
  }

  /** By dpkg, which asks nobody: what it needs is there. */
  async install(deb: string): Promise<void> {
    const name = basename(deb);
    copyFileSync(deb, join(this.path, 'srv', name));
    await this.run(`dpkg -i /srv/${name}`);
    rmSync(join(this.path, 'srv', name));
  }

  /** As systemd-timesyncd leaves it behind after each contact with a time server. */
  setClock(): void {
    mkdirSync(join(this.path, 'run/systemd/timesync'), { recursive: true });
    this.write('run/systemd/timesync/synchronized', '');
  }

  /** A command of its own, to be heard and ended by the caller. */
  begin(...command: readonly string[]): ChildProcess {
    return this.#spawned(command);
  }

  #spawned(command: readonly string[], proc?: string): ChildProcess {
    const own = ['--mount', '--fork', '--kill-child'];
    return spawn('unshare', [...own, 'sh', '-c', inside(proc), this.path, ...command], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        LC_ALL: 'C.UTF-8',
        NO_COLOR: '1',
        DEBIAN_FRONTEND: 'noninteractive',
      },
    });
  }

  /** What the unit says, as the user that it names, with the credential that it loads. */
  async startDaemon(): Promise<void> {
    const daemon = await this.#asUnitSays();
    await printed(daemon, /"event":"started"/);
    this.#daemon = daemon;
  }

  /** What it says when it ends by itself. */
  async daemonThatFails(): Promise<string> {
    const daemon = await this.#asUnitSays();
    let said = '';
    daemon.stdout?.on('data', (chunk) => {
      said += chunk;
    });
    daemon.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    assert.notEqual(await ended(daemon), 0, said);
    return said;
  }

  async stopDaemon(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon === undefined) return;
    // unshare stands before it and passes nothing on.
    await this.run(
      'kill -TERM $(cat /var/lib/latchkey/api.json | sed -n \'s/.*"pid":\\([0-9]*\\).*/\\1/p\')',
    );
    await ended(daemon);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Having changed its user, the daemon does not die with who started it: it is asked to end by its own id.
    await this.stopDaemon();
    rmSync(this.path, { recursive: true });
  }

  async #asUnitSays(): Promise<ChildProcess> {
    const unit = this.read('lib/systemd/system/latchkey.service');
    const started = /^ExecStart=(.*)$/m.exec(unit)?.[1] ?? '';
    const [, name, sealed] = /^LoadCredentialEncrypted=([^:]+):(.*)$/m.exec(unit) ?? [];
    await this.run(`install -d -m 500 -o latchkey ${CREDENTIALS}
systemd-creds decrypt --name=${name} ${sealed} - > ${CREDENTIALS}/${name}
chown latchkey ${CREDENTIALS}/${name} && chmod 400 ${CREDENTIALS}/${name}`);
    const environment = [...unit.matchAll(/^Environment=(.*)$/gm)].map(([, set = '']) =>
      set.replace('%b', bootOfThisMachine()),
    );
    return this.#spawned(
      [
        ...['setpriv', '--reuid=latchkey', '--regid=latchkey', '--init-groups'],
        ...['env', `CREDENTIALS_DIRECTORY=${CREDENTIALS}`, ...environment],
        ...started.split(' '),
      ],
      ITS_PROC,
    );
  }
}

/** As systemd writes it for `%b`. */
export function bootOfThisMachine(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '');
}
