/** The Mosquitto of the system as a child process: killed, stopped and emptied as brokers are. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const BINARIES = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/usr/local/sbin/mosquitto'];

/** Where it is, or a skipped test; a failed one where everything has to be there. */
export function mosquittoFor(t: TestContext): string | undefined {
  const found = BINARIES.find((path) => existsSync(path));
  if (found !== undefined) return found;
  if (process.env['LATCHKEY_REQUIRE_ALL'] === '1') throw new Error('mosquitto is not installed');
  t.skip('mosquitto is not installed');
  return undefined;
}

/** Lines of its configuration, given its directory and two free ports. */
export type Lines = (directory: string, port: number, otherPort: number) => readonly string[];

export class Mosquitto implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  /** For a second listener. */
  readonly otherPort: number;
  readonly #binary: string;
  readonly #lines: Lines;
  #child: ChildProcess | undefined;

  private constructor(
    binary: string,
    directory: string,
    [port, otherPort]: readonly [number, number],
    lines: Lines,
  ) {
    this.#binary = binary;
    this.directory = directory;
    this.port = port;
    this.otherPort = otherPort;
    this.#lines = lines;
  }

  /** `lines` of its configuration, the listener's included. It keeps nothing over a restart. */
  static async start(binary: string, lines: Lines = plainListener): Promise<Mosquitto> {
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-mosquitto-'));
    // Started as root it becomes another user, who must be able to read its files.
    chmodSync(directory, 0o755);
    const broker = new Mosquitto(binary, directory, await freePorts(), lines);
    await broker.up();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async up(): Promise<void> {
    const conf = join(this.directory, 'mosquitto.conf');
    writeFileSync(conf, [...this.#lines(this.directory, this.port, this.otherPort), ''].join('\n'));
    const child = spawn(this.#binary, ['-c', conf], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const started = Promise.withResolvers<void>();
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(' running')) started.resolve();
    });
    child.once('exit', () => started.reject(new Error(`mosquitto ended:\n${said}`)));
    await started.promise;
  }

  /** Gone without a word, and with everything it knew. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    child.removeAllListeners('exit');
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await gone;
  }

  /** Its connections stay open, and nothing answers. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function plainListener(_directory: string, port: number): readonly string[] {
  return [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'set_tcp_nodelay true',
    'max_queued_messages 0',
  ];
}

async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()] as const;
  const ports = await Promise.all(servers.map(portOf));
  await Promise.all(servers.map((each) => new Promise<void>((done) => each.close(() => done()))));
  return [ports[0] ?? 0, ports[1] ?? 0];
}

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Certificate authorities, and what each vouches for by common name, in PEM files `<name>.crt` and `<name>.key`. */
export function makeCertificates(
  directory: string,
  authorities: Readonly<Record<string, readonly string[]>>,
): void {
  const openssl = (...line: string[]) => {
    execFileSync('openssl', line, { cwd: directory, stdio: 'pipe' });
  };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const days = ['-days', '2'];
  for (const [ca, names] of Object.entries(authorities)) {
    const authority = ['-keyout', `${ca}.key`, '-out', `${ca}.crt`, '-subj', `/CN=${ca}`];
    openssl('req', '-x509', ...curve, ...authority, ...days);
    for (const name of names) {
      const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`];
      openssl('req', ...curve, ...request);
      const names = join(directory, `${name}.ext`);
      writeFileSync(names, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      const by = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-extfile', names];
      openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...by, ...days);
      chmodSync(join(directory, `${name}.key`), 0o644);
    }
  }
}
