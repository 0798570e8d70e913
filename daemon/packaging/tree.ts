/** What the Debian package holds, and where each file of it comes from. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ARCHITECTURES, type Architecture } from './architecture.ts';
import { copyrightFile } from './copyright.ts';
import { copyModules, factsOf, type PackageFacts, packageOf } from './modules.ts';
import type { Runtime } from './runtime.ts';
import { type Sbom, sbomOf } from './sbom.ts';

const HOME = 'usr/lib/latchkey';
const DOCS = 'usr/share/doc/latchkey';

/** From the checkout, as it is. */
const COPIED: readonly (readonly [from: string, to: string])[] = [
  // Under /lib: that is where Debian 12 looks, and Debian 13 follows its link.
  ['systemd/latchkey.service', 'lib/systemd/system/latchkey.service'],
  ['systemd/latchkey-update.path', 'lib/systemd/system/latchkey-update.path'],
  ['systemd/latchkey-update.service', 'lib/systemd/system/latchkey-update.service'],
  ['systemd/99-latchkey.rules', 'lib/udev/rules.d/99-latchkey.rules'],
  ['systemd/latchkey.sysusers', 'usr/lib/sysusers.d/latchkey.conf'],
  ['systemd/latchkey-bluez.conf', 'usr/share/dbus-1/system.d/latchkey.conf'],
  ['systemd/latchkey-hci.conf', `${DOCS}/examples/latchkey-hci.conf`],
  ['config/packaged.yaml', `${HOME}/config/packaged.yaml`],
  ['config/example.yaml', `${DOCS}/examples/config.yaml`],
  ['config/mosquitto.conf', `${DOCS}/examples/mosquitto.conf`],
  ['config/mosquitto.acl', `${DOCS}/examples/mosquitto.acl`],
  ...['grafana-dashboard.json', 'latchkey-rules.yml', 'prometheus.yml'].map(
    (name) => [`systemd/monitoring/${name}`, `${DOCS}/examples/${name}`] as const,
  ),
  ['systemd/README.md', `${DOCS}/README.md`],
  ['systemd/debian/lintian-overrides', 'usr/share/lintian/overrides/latchkey'],
];

const SCRIPTS = ['postinst', 'prerm', 'postrm'] as const;

export interface TreeOptions {
  readonly root: string;
  /** Emptied, then filled. */
  readonly tree: string;
  readonly architecture: Architecture;
  readonly version: string;
  readonly runtime: Runtime;
  /** Directory of the bundle, and what went into it. */
  readonly bundle: string;
  readonly bundled: readonly string[];
  readonly loaded: ReadonlyMap<string, readonly string[]>;
  /** Of all that ships anywhere. */
  readonly sbom: Sbom;
}

export function layOut(options: TreeOptions): void {
  const { root, tree, architecture, version, runtime, bundle, loaded } = options;
  const cpu = ARCHITECTURES[architecture];
  rmSync(tree, { recursive: true, force: true });
  const write = (to: string, content: string | Uint8Array, mode = 0o644) => {
    const file = join(tree, to);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  };
  const read = (from: string) => readFileSync(join(root, from), 'utf8');

  for (const [from, to] of COPIED) write(to, read(from));
  cpSync(bundle, join(tree, HOME, 'dist/daemon'), { recursive: true });
  // /usr/bin/latchkey names the Node that it runs on.
  const main = readFileSync(join(bundle, 'main.mjs'), 'utf8').replace(/^#!.*\n/, '');
  write(`${HOME}/dist/daemon/main.mjs`, main);
  copyModules(root, loaded, join(tree, HOME), cpu);
  cpSync(runtime.koffi, join(tree, HOME, `node_modules/@koromix/koffi-linux-${cpu}`), {
    recursive: true,
    filter: (path) => !basename(path).startsWith('musl'),
  });
  cpSync(runtime.node, join(tree, HOME, 'bin/node'));
  chmodSync(join(tree, HOME, 'bin/node'), 0o755);
  write(
    `${HOME}/package.json`,
    `${JSON.stringify({ name: 'latchkey', version, type: 'module', private: true })}\n`,
  );
  write(`${HOME}/bin/update`, read('systemd/debian/update.sh'), 0o755);
  write('usr/bin/latchkey', read('systemd/debian/latchkey.sh'), 0o755);

  write('usr/share/man/man1/latchkey.1.gz', zipped(printed(bundle, 'manual')));
  for (const [shell, to] of [
    ['bash', 'usr/share/bash-completion/completions/latchkey'],
    ['zsh', 'usr/share/zsh/vendor-completions/_latchkey'],
    ['fish', 'usr/share/fish/vendor_completions.d/latchkey.fish'],
  ] as const) {
    write(to, printed(bundle, 'completion', shell));
  }
  const inside = factsInside(options);
  write(`${DOCS}/copyright`, copyrights(root, runtime, inside));
  const parts = sbomOf(options.sbom, architecture, inside);
  write(`${DOCS}/sbom.cdx.json`, `${JSON.stringify(parts, undefined, 2)}\n`);
  write(`${DOCS}/changelog.gz`, zipped(read('systemd/debian/changelog')));

  write(
    'DEBIAN/control',
    read('systemd/debian/control')
      .replace('@VERSION@', version)
      .replace('@ARCHITECTURE@', architecture),
  );
  for (const name of SCRIPTS) write(`DEBIAN/${name}`, read(`systemd/debian/${name}`), 0o755);
}

/** What the bundle itself prints: page and completions are those of the program in the package. */
function printed(bundle: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, [join(bundle, 'main.mjs'), ...args], { encoding: 'utf8' });
}

function factsInside({ root, bundled, loaded }: TreeOptions): readonly PackageFacts[] {
  const inside = bundled.flatMap((path) => packageOf(path) ?? []);
  const directories = new Set([...inside, ...loaded.keys()]);
  return [...directories].map((directory) => factsOf(root, directory));
}

function copyrights(root: string, runtime: Runtime, inside: readonly PackageFacts[]): string {
  return copyrightFile(
    readFileSync(join(root, 'LICENSE'), 'utf8'),
    readFileSync(runtime.licence, 'utf8'),
    inside,
  );
}

/** Without name and time in it; Node writes none. */
function zipped(text: string): Uint8Array {
  return gzipSync(text, { level: 9 });
}
