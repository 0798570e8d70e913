/** What differs between machines: the Node binary, and native parts that npm installs for one machine only. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Cpu } from './architecture.ts';

/** The package names only what a machine needs; these two come from the registry for every other. */
const pinned = z.object({ version: z.string(), sha256: z.record(z.string(), z.string()) });
const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string().optional(), integrity: z.string().optional() }),
  ),
});

export interface Runtime {
  readonly version: string;
  /** Path of the Node binary. */
  readonly node: string;
  /** Its licence, and those of all that is inside it. */
  readonly licence: string;
  /** Directory of the package that holds koffi's native part. */
  readonly koffi: string;
}

/**
 * Fetches with npm what `cache` does not hold yet.
 * @throws Error where what came is not what is pinned in `systemd/debian/runtime.json` and `package-lock.json`.
 */
export function runtimeFor(cpu: Cpu, root: string, cache: string): Runtime {
  const { version, sha256 } = pinned.parse(readJson(join(root, 'systemd/debian/runtime.json')));
  const locked = lockfile.parse(readJson(join(root, 'package-lock.json'))).packages;
  const wanted = locked['node_modules/node']?.version;
  if (wanted !== version) {
    throw new Error(`systemd/debian/runtime.json pins Node ${version}, the lockfile ${wanted}`);
  }
  const node = unpacked({
    installed: join(root, 'node_modules/node/node_modules', `node-linux-${cpu}`),
    name: `node-linux-${cpu}`,
    version,
    cache,
  });
  const binary = join(node, 'bin/node');
  const found = createHash('sha256').update(readFileSync(binary)).digest('hex');
  if (found !== sha256[cpu]) throw new Error(`${binary} has SHA-256 ${found}, not the pinned one`);

  const name = `@koromix/koffi-linux-${cpu}`;
  const koffi = locked[`node_modules/${name}`];
  if (koffi?.version === undefined) throw new Error(`${name} is not in package-lock.json`);
  return {
    version,
    node: binary,
    licence: join(node, 'LICENSE'),
    koffi: unpacked({
      installed: join(root, 'node_modules', name),
      name,
      version: koffi.version,
      integrity: koffi.integrity,
      cache,
    }),
  };
}

interface Wanted {
  /** Where npm put it on a machine of that kind. */
  readonly installed: string;
  readonly name: string;
  readonly version: string;
  readonly integrity?: string | undefined;
  readonly cache: string;
}

function unpacked({ installed, name, version, integrity, cache }: Wanted): string {
  if (existsSync(installed)) return installed;
  const directory = join(cache, `${name.replaceAll(/[@/]/g, '-')}-${version}`);
  if (existsSync(join(directory, 'package.json'))) return directory;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const args = ['pack', '--silent', '--pack-destination', directory, `${name}@${version}`];
  const file = execFileSync('npm', args, { encoding: 'utf8' }).trim();
  const archive = join(directory, file);
  if (integrity !== undefined) {
    const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (found !== integrity) throw new Error(`${name}@${version} is not what the lockfile names`);
  }
  execFileSync('tar', ['-xzf', archive, '-C', directory, '--strip-components=1']);
  rmSync(archive);
  return directory;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
