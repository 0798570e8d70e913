/**
 * `npm run sbom`: what ships, as CycloneDX, in `dist/sbom.cdx.json`: every package of the lockfile that is not for
 * development only, and the Node that the Debian packages bring. Two runs on the same checkout give the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ARCHITECTURES, type Architecture } from './architecture.ts';
import type { PackageFacts } from './modules.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const LARGEST = 64 * 1024 * 1024;

const sbomSchema = z.looseObject({
  serialNumber: z.string().optional(),
  metadata: z.looseObject({
    timestamp: z.string().optional(),
    component: z.looseObject({ 'bom-ref': z.string(), name: z.string(), version: z.string() }),
  }),
  components: z.array(z.looseObject({ 'bom-ref': z.string(), name: z.string() })),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()) })),
});
const lockSchema = z.looseObject({
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      dev: z.boolean().optional(),
      devOptional: z.boolean().optional(),
      integrity: z.string().optional(),
      // Of old, a list.
      license: z.unknown().optional(),
    }),
  ),
});
export type Sbom = z.infer<typeof sbomSchema>;

/** CycloneDX 1.5. Source of the packages: the lockfile, as npm reads it. */
export function sbom(): Sbom {
  const text = execFileSync(
    'npm',
    ['sbom', '--package-lock-only', '--omit', 'dev', '--sbom-format', 'cyclonedx'],
    { cwd: ROOT, encoding: 'utf8', maxBuffer: LARGEST, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const { serialNumber, ...found } = sbomSchema.parse(JSON.parse(text));
  const { timestamp, component, ...metadata } = found.metadata;
  const { name } = z.looseObject({ name: z.string() }).parse(read('package.json'));
  const here = new Set(found.components.map((each) => each['bom-ref']));
  const added = [...leftOut(here), runtimeComponent()];
  return {
    ...found,
    // npm takes the folder's name, which says where this was made.
    metadata: { ...metadata, component: { ...component, name, type: 'application' } },
    components: [...found.components, ...added],
    dependencies: [
      ...found.dependencies.map((each) =>
        each.ref === component['bom-ref']
          ? { ...each, dependsOn: [...each.dependsOn, ...added.map((one) => one['bom-ref'])] }
          : each,
      ),
      ...added.map((one) => ({ ref: one['bom-ref'], dependsOn: [] })),
    ],
  };
}

/**
 * What is inside the Debian package of one machine: `shipped`, the native part of koffi, and Node with the SHA-256 that
 * its binary was held against.
 * @throws Error where a package is inside that the lockfile does not ship.
 */
export function sbomOf(
  all: Sbom,
  architecture: Architecture,
  shipped: readonly Pick<PackageFacts, 'name' | 'version'>[],
): Sbom {
  const cpu = ARCHITECTURES[architecture];
  const inside = new Set(shipped.map(({ name, version }) => `${name}@${version}`));
  const components = all.components.flatMap((each) => {
    if (each['bom-ref'].startsWith('nodejs@')) return [{ ...each, hashes: [binaryHash(cpu)] }];
    const isInside = inside.delete(each['bom-ref']) || each.name === `@koromix/koffi-linux-${cpu}`;
    return isInside ? [each] : [];
  });
  if (inside.size > 0) throw new Error(`not in the lockfile for shipping: ${[...inside]}`);
  const root = all.metadata.component['bom-ref'];
  const here = new Set([root, ...components.map((each) => each['bom-ref'])]);
  return {
    ...all,
    components,
    dependencies: all.dependencies
      .filter(({ ref }) => here.has(ref))
      .map((each) => ({ ...each, dependsOn: each.dependsOn.filter((ref) => here.has(ref)) })),
  };
}

function binaryHash(cpu: string) {
  const { sha256 } = z
    .object({ sha256: z.record(z.string(), z.string()) })
    .parse(read('systemd/debian/runtime.json'));
  return { alg: 'SHA-256', content: sha256[cpu] ?? '' };
}

/** What ships below another package while we name it for development, too: npm omits it. */
function leftOut(here: ReadonlySet<string>) {
  const { packages } = lockSchema.parse(read('package-lock.json'));
  return Object.entries(packages).flatMap(
    ([path, { version, dev, devOptional, integrity, license }]) => {
      const name = path.split('node_modules/').at(-1) ?? '';
      const ref = `${name}@${version}`;
      if (name === '' || version === undefined || dev || devOptional || here.has(ref)) return [];
      const content = Buffer.from(integrity?.replace('sha512-', '') ?? '', 'base64').toString(
        'hex',
      );
      return [
        {
          'bom-ref': ref,
          type: 'library',
          name,
          version,
          scope: 'required',
          purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
          hashes: [{ alg: 'SHA-512', content }],
          licenses: typeof license === 'string' ? [{ license: { id: license } }] : [],
        },
      ];
    },
  );
}

/** The npm package `node` only fetches it: what runs is the runtime itself. */
function runtimeComponent() {
  const { packages } = lockSchema.parse(read('package-lock.json'));
  const version = packages['node_modules/node']?.version;
  if (version === undefined) throw new Error('the lockfile names no node');
  return {
    'bom-ref': `nodejs@${version}`,
    type: 'platform',
    name: 'nodejs',
    version,
    scope: 'required',
    purl: `pkg:generic/nodejs@${version}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:lts:*:*:*`,
    licenses: [{ license: { id: 'MIT' } }],
  };
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
}

if (import.meta.main) {
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  const path = join(ROOT, 'dist', 'sbom.cdx.json');
  const made = sbom();
  writeFileSync(path, `${JSON.stringify(made, undefined, 2)}\n`);
  console.log(`dist/sbom.cdx.json: ${made.components.length} components`);
}
