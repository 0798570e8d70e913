/** What the bill of materials says, held against the lockfile and against what the source imports. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { sbom } from '../../../daemon/packaging/sbom.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const json = (file: string): unknown => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));

/** What CycloneDX 1.5 asks of the parts that are used. */
const cyclonedx = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.literal('1.5'),
  version: z.int().min(1),
  metadata: z.looseObject({
    component: z.looseObject({ type: z.literal('application'), name: z.literal('latchkey') }),
  }),
  components: z.array(
    z.looseObject({
      'bom-ref': z.string().min(1),
      type: z.enum(['library', 'platform']),
      name: z.string().min(1),
      version: z.string().regex(/^\d+\.\d+\.\d+/),
      purl: z.string().regex(/^pkg:(npm|generic)\/[^@\s]+@\d/),
      scope: z.enum(['required', 'optional', 'excluded']),
      licenses: z.array(z.looseObject({})).optional(),
      hashes: z
        .array(
          z.strictObject({
            alg: z.enum(['SHA-1', 'SHA-512']),
            content: z.string().regex(/^[0-9a-f]+$/),
          }),
        )
        .optional(),
    }),
  ),
  dependencies: z.array(z.strictObject({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

const lock = z
  .looseObject({
    packages: z.record(
      z.string(),
      z.looseObject({
        version: z.string().optional(),
        dev: z.boolean().optional(),
        devOptional: z.boolean().optional(),
      }),
    ),
  })
  .parse(json('package-lock.json'));

const made = cyclonedx.parse(sbom());

test('it is CycloneDX whose references all lead somewhere, and names no place where it was made', () => {
  const refs = made.components.map((each) => each['bom-ref']);
  assert.equal(new Set(refs).size, refs.length, 'each is named once');
  const known = new Set([...refs, 'latchkey@0.1.0']);
  for (const { ref, dependsOn } of made.dependencies) {
    assert.ok(known.has(ref), ref);
    for (const each of dependsOn) assert.ok(known.has(each), `${ref} needs ${each}`);
  }
  const text = JSON.stringify(made);
  assert.ok(!text.includes(ROOT) && !/"(serialNumber|timestamp)"/.test(text));
});

test('it has every package of the lockfile that ships, with its version and hash, and none for development only', () => {
  const has = new Set(made.components.map(({ name, version }) => `${name}@${version}`));
  for (const [path, { version, dev, devOptional }] of Object.entries(lock.packages)) {
    const name = path.split('node_modules/').at(-1) ?? '';
    if (name === '' || version === undefined) continue;
    // Wanted for development, and by something that ships only where it is there anyway.
    if (dev !== true && devOptional !== true)
      assert.ok(has.has(`${name}@${version}`), `${name} ${version} ships`);
  }
  const shipped = Object.entries(lock.packages)
    .filter(([, { dev }]) => dev !== true)
    .map(([path]) => path.split('node_modules/').at(-1));
  const more = made.components.filter(({ name }) => name !== 'nodejs' && !shipped.includes(name));
  assert.deepEqual(more, []);
  for (const { name, purl, hashes } of made.components)
    assert.ok(purl.startsWith('pkg:generic/') || (hashes?.length ?? 0) > 0, `${name} has its hash`);
});

test('it has what the source of the daemon imports, and the Node that runs it', () => {
  const names = new Set(made.components.map(({ name }) => name));
  for (const folder of ['daemon', 'drivers', 'config']) {
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
      if (/packaging|bundle\.ts/.test(join(entry.parentPath, entry.name))) continue;
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
      for (const [, from = ''] of text.matchAll(/^import (?!type)[^'"]*from '([^'.][^']*)'/gm)) {
        const name = from
          .split('/')
          .slice(0, from.startsWith('@') ? 2 : 1)
          .join('/');
        assert.ok(isBuiltin(from) || names.has(name), `${entry.name} imports ${name}`);
      }
    }
  }
  const runtime = made.components.find(({ name }) => name === 'nodejs');
  assert.equal(runtime?.version, process.versions.node);
});
