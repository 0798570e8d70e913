/**
 * The container file and the app of Home Assistant. No engine that builds containers is needed: the steps of the file
 * are done one by one in a Debian of their own, and what it starts is started there as its user. What only an engine
 * adds (layers, namespaces, the health timer) is not tried here.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { readYaml } from '../../config/yaml.ts';
import { packages, versionHere } from '../../daemon/packaging/main.ts';
import { ended, printed } from '../daemon/cli/process.ts';
import { cannot } from './debian-archive.ts';
import { DebianRoot } from './debian-root.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const APP = join(ROOT, 'systemd/home-assistant');
const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'amd64';
const skip = cannot('unshare', 'chroot');

interface Step {
  readonly what: string;
  readonly rest: string;
}

function stepsOf(file: string): readonly Step[] {
  return readFileSync(join(ROOT, file), 'utf8')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => ({
      what: line.split(' ', 1)[0] ?? '',
      rest: line.slice(line.indexOf(' ') + 1),
    }));
}

test('the container: its steps leave a daemon that starts with nothing but a name, and is healthy', {
  skip,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-container-'));
  const bundle = join(ROOT, 'dist', `container-${process.pid}`);
  t.after(() => {
    rmSync(directory, { recursive: true });
    rmSync(bundle, { recursive: true, force: true });
  });
  const [deb = ''] = await packages({
    architectures: [ARCHITECTURE],
    directory,
    bundle,
    compression: 'none',
  });
  await using debian = new DebianRoot();
  const steps = stepsOf('systemd/container/Containerfile');
  const filled = (text: string) => text.replaceAll(/\$\{TARGETARCH\}/g, ARCHITECTURE);
  let user = '';
  let entry: readonly string[] = [];
  let health: readonly string[] = [];
  for (const { what, rest } of steps) {
    switch (what) {
      case 'FROM':
        assert.equal(rest, 'debian:12-slim', 'the release that is tried here');
        break;
      case 'RUN':
        // What apt would fetch is in this root already, and named by what it is made with.
        if (!rest.startsWith('apt-get ')) await debian.run(filled(rest));
        break;
      case 'COPY': {
        const [to = '', ...from] = filled(rest).split(' ').reverse();
        mkdirSync(join(debian.path, to), { recursive: true });
        for (const each of from) {
          const file = each.startsWith('dist/') ? deb : join(ROOT, each);
          copyFileSync(file, join(debian.path, to, basename(file)));
        }
        break;
      }
      case 'USER':
        user = rest;
        break;
      case 'ENTRYPOINT':
        entry = z.array(z.string()).parse(JSON.parse(rest));
        break;
      case 'HEALTHCHECK':
        health = z.array(z.string()).parse(JSON.parse(rest.slice(rest.indexOf('['))));
        break;
      default:
        assert.ok(['ARG', 'VOLUME'].includes(what), `${what} is known here`);
    }
  }
  const asUser = [
    ...['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', 'env'],
    'TZ=Europe/Stockholm',
  ];
  const nameless = debian.begin(...asUser, ...entry);
  assert.equal(await ended(nameless), 2, 'a site has to be named');

  const named = [...asUser, 'LATCHKEY_SITE=harbour-12'];
  await debian.run(
    `${named.join(' ')} latchkey init --site harbour-12 --zone Europe/Stockholm --directory /data --store /data/store`,
  );
  const config = debian.read('data/config.yaml');
  debian.write('data/config.yaml', `${config}\napi: { listen: "127.0.0.1:0" }\n`);
  const daemon = debian.begin(...named, ...entry);
  t.after(() => daemon.kill('SIGKILL'));
  await printed(daemon, /"event":"started"/);
  await debian.run([...asUser, ...health].join(' '));
  const { pid } = z.object({ pid: z.int() }).parse(JSON.parse(debian.read('data/store/api.json')));
  process.kill(pid, 'SIGTERM');
  assert.equal(await ended(daemon), 0);
  assert.notEqual(
    (await debian.try([...asUser, ...health].join(' '))).status,
    0,
    'no longer healthy',
  );
});

/** As far as this app goes, what the page on the configuration of apps allows; anything else is a slip. */
const appSchema = z.strictObject({
  name: z.string(),
  version: z.string(),
  slug: z.string().regex(/^[-_.A-Za-z0-9]+$/),
  description: z.string(),
  arch: z.array(z.enum(['aarch64', 'amd64'])),
  startup: z.enum(['initialize', 'system', 'services', 'application', 'once']),
  boot: z.enum(['auto', 'manual', 'manual_only']),
  init: z.boolean(),
  host_network: z.boolean(),
  uart: z.boolean(),
  udev: z.boolean(),
  host_dbus: z.boolean(),
  services: z.array(z.string().regex(/^(mqtt|mysql):(provide|want|need)$/)),
  map: z.array(
    z.strictObject({
      type: z.enum(['data', 'ssl', 'share', 'backup', 'media', 'addon_config']),
      read_only: z.boolean().optional(),
      path: z.string().startsWith('/').optional(),
    }),
  ),
  backup: z.enum(['hot', 'cold']),
  timeout: z.int().min(10).max(300),
  options: z.record(z.string(), z.json()),
  schema: z.record(
    z.string(),
    z
      .string()
      .regex(/^(str|bool|int|float|email|url|password|port|device|match\(.*\)|list\(.*\))\??$/),
  ),
});

test('the app of Home Assistant is one, names each of its options, and asks for no more than it needs', () => {
  const yaml = (file: string) => readYaml(readFileSync(join(APP, file), 'utf8'), new Map()).value;
  const app = appSchema.parse(yaml('config.yaml'));
  assert.equal(app.version, versionHere());
  const translations = z
    .strictObject({
      configuration: z.record(
        z.string(),
        z.strictObject({ name: z.string(), description: z.string() }),
      ),
    })
    .parse(yaml('translations/en.yaml'));
  assert.deepEqual(Object.keys(translations.configuration).sort(), Object.keys(app.schema).sort());
  for (const name of Object.keys(app.options)) assert.ok(name in app.schema, name);
  assert.deepEqual(
    ['CHANGELOG.md', 'DOCS.md', 'Dockerfile', 'README.md', 'run.sh'].filter(
      (name) => !readdirSync(APP).includes(name),
    ),
    [],
  );
  const script = readFileSync(join(APP, 'run.sh'), 'utf8');
  for (const [, option = ''] of script.matchAll(/bashio::config '(\w+)'/g)) {
    assert.ok(option in app.schema, option);
  }
  assert.match(script, /^#!\/usr\/bin\/with-contenv bashio\n/);
});

test('the scripts are shell', () => {
  for (const [shell, file] of [
    ['bash', 'systemd/home-assistant/run.sh'],
    ['sh', 'systemd/container/start.sh'],
    ['sh', 'systemd/debian/postinst'],
    ['sh', 'systemd/debian/prerm'],
    ['sh', 'systemd/debian/postrm'],
  ] as const) {
    const { status, stderr } = spawnSync(shell, ['-n', join(ROOT, file)], { encoding: 'utf8' });
    assert.equal(status, 0, `${file}: ${stderr}`);
  }
});
