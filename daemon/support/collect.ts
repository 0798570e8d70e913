/** The parts of a support bundle, each a file with its text; what cannot be had says why. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { readYaml } from '../../config/yaml.ts';
import { type EntryReply, entrySchema } from '../local-api/entry-reply.ts';
import { redactedConfig, redactedEntry } from './redaction.ts';

/** How to reach the daemon, where one runs. */
export interface Access {
  readonly url: string;
  readonly token: string;
}

export type Files = ReadonlyMap<string, string>;

const ANSWER_WITHIN = 10_000;
const LOG_LINES = 2000;
const LOG_MOST = 4 * 1024 * 1024;
const page = z.object({ entries: z.array(entrySchema) });

export interface Sources {
  readonly configFile: string;
  readonly variables: ReadonlyMap<string, string>;
  /** Of the store, where the config says which. */
  readonly directory: string | undefined;
  readonly access: Access | undefined;
  readonly versions: Readonly<Record<string, string>>;
  readonly entries: number;
}

export async function collect(sources: Sources): Promise<Files> {
  const { configFile, variables, directory, access, versions, entries } = sources;
  const from = (path: string, show: (text: string) => string) => async () => {
    if (access === undefined) throw new Error('no daemon runs here');
    return show(await asked(access, path));
  };
  const parts: readonly (readonly [file: string, text: () => Promise<string> | string])[] = [
    ['versions.json', () => json({ ...versions, kernel: release(), arch: process.arch })],
    ['config.json', () => json(configIn(configFile, variables))],
    ['store.json', () => json(directory === undefined ? [] : sizes(directory))],
    ['health.json', from('/api/v1/health', (text) => text)],
    ['status.json', from('/api/v1/status', withoutName)],
    ['devices.json', from('/api/v1/devices', (text) => text)],
    ['metrics.txt', from('/metrics', (text) => text)],
    ['journal.jsonl', from(`/api/v1/journal?limit=${entries}`, journal)],
    ['log.txt', log],
  ];
  const files = new Map<string, string>();
  for (const [file, text] of parts) {
    try {
      files.set(file, await text());
    } catch (error) {
      files.set(`${file}.missing`, `${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  return files;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** As it was written, also where it is wrong: that may be what is asked about. */
function configIn(file: string, variables: ReadonlyMap<string, string>): unknown {
  return redactedConfig(readYaml(readFileSync(file, 'utf8'), variables).value);
}

/** Names and sizes tell whether something grows; what is in them stays where it is. */
function sizes(directory: string) {
  return ['journal.db', 'journal.db-wal', 'ballast'].flatMap((name) => {
    const stats = statSync(join(directory, name), { throwIfNoEntry: false });
    return stats === undefined
      ? []
      : [{ name, bytes: stats.size, mode: (stats.mode & 0o777).toString(8) }];
  });
}

async function asked({ url, token }: Access, path: string): Promise<string> {
  const answer = await fetch(`${url}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(ANSWER_WITHIN),
  });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.text();
}

function withoutName(text: string): string {
  const { name: _, ...rest } = z.looseObject({}).parse(JSON.parse(text));
  return json(rest);
}

function journal(text: string): string {
  const { entries } = page.parse(JSON.parse(text));
  return entries
    .toReversed()
    .map((entry: EntryReply) => `${JSON.stringify(redactedEntry(entry))}\n`)
    .join('');
}

async function log(): Promise<string> {
  const args = ['-u', 'latchkey', '-n', String(LOG_LINES), '-o', 'cat', '--no-pager'];
  const { stdout } = await promisify(execFile)('journalctl', args, { maxBuffer: LOG_MOST });
  return stdout;
}
