/** The running daemon, over its own API. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { loadConfig } from '../../config/load.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { readRunFile } from './run-file.ts';
import { variableOption } from './variables.ts';

export interface ApiOptions {
  readonly api?: string;
  readonly token?: string;
  readonly directory?: string;
  readonly config?: string;
  readonly set: ReadonlyMap<string, string>;
}

/** Where a daemon keeps its store when nothing else is said: the packaged one, and the demo of `npm start`. */
const USUAL = [
  '/var/lib/latchkey',
  join(tmpdir(), 'latchkey-demo', 'store'),
  join(tmpdir(), 'latchkey-demo'),
];

/** Options of every command that talks to a daemon. */
export function withApiOptions(command: Command): Command {
  return withDirectoryOptions(command)
    .addOption(new Option('--api <url>', 'address of the daemon').env('LATCHKEY_API'))
    .addOption(new Option('--token <token>', 'who asks').env('LATCHKEY_TOKEN'));
}

/** Options of every command that works on a store's directory. */
export function withDirectoryOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--directory <path>',
        'store of the daemon; found by itself for the demo and the package',
      ).env('LATCHKEY_STORE'),
    )
    .option('--config <file>', 'the same, as the config says')
    .addOption(variableOption());
}

/** For the help of a command below one that has these options: they are read there, too, and commander does not say so. */
export function alsoOf(command: string): string {
  return `\nThe options of \`latchkey ${command}\` count here, too, such as --directory, --api and --json.`;
}

/** Directories to look in, best first. */
export function directoriesOf({ directory, config, set }: ApiOptions): readonly string[] {
  if (directory !== undefined) return [directory];
  if (config !== undefined) return [loadConfig(config, { variables: set }).store.directory];
  return USUAL;
}

const errorSchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), field: z.string().optional() }),
});

export class ApiClient {
  readonly url: string;
  readonly #token: string;

  private constructor(url: string, token: string) {
    this.url = url.replace(/\/$/, '');
    this.#token = token;
  }

  static find(options: ApiOptions): ApiClient {
    const found = directoriesOf(options)
      .map((directory) => readRunFile(directory))
      .find((file) => file !== undefined && isAlive(file.pid));
    const url = options.api ?? found?.url;
    const token = options.token ?? (options.api === undefined ? found?.token : undefined);
    if (url === undefined) {
      throw new CommandFailure(
        `no daemon is running on ${directoriesOf(options).join(' or ')}, or it is another user's: ` +
          'give --directory, or --api and --token',
      );
    }
    if (token === undefined) throw new CommandFailure('--api needs --token', EXIT.badInput);
    return new ApiClient(url, token);
  }

  get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.#ask('GET', path, undefined, schema);
  }

  send<T>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body: unknown,
    schema: z.ZodType<T>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    return this.#ask(method, path, body, schema, headers);
  }

  /** The answer as it comes, in pieces. */
  async *text(path: string): AsyncIterable<string> {
    const answer = await this.#fetch(path, {});
    if (answer.status !== 200 || answer.body === null) throw await failure(answer);
    yield* answer.body.pipeThrough(new TextDecoderStream());
  }

  /** Blocks of a stream of server-sent events, until it ends or `signal` does. */
  async *events(
    path: string,
    signal: AbortSignal,
  ): AsyncIterable<{ readonly id: number; readonly data: unknown }> {
    const answer = await this.#fetch(path, { signal });
    if (answer.status !== 200 || answer.body === null) throw await failure(answer);
    let text = '';
    for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, id] = /^id: (\d+)$/m.exec(block) ?? [];
        const [, data] = /^data: (.*)$/m.exec(block) ?? [];
        if (id !== undefined && data !== undefined)
          yield { id: Number(id), data: JSON.parse(data) satisfies unknown };
      }
    }
  }

  async #ask<T>(
    method: string,
    path: string,
    body: unknown,
    schema: z.ZodType<T>,
    more: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const init: RequestInit =
      body === undefined
        ? { method, headers: { ...more } }
        : {
            method,
            body: JSON.stringify(body),
            headers: { 'content-type': 'application/json', ...more },
          };
    const answer = await this.#fetch(path, init);
    if (answer.status !== 200) throw await failure(answer);
    return schema.parse(await answer.json());
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = { ...Object(init.headers), authorization: `Bearer ${this.#token}` };
    try {
      return await fetch(`${this.url}${path}`, { ...init, headers });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      if (init.signal?.aborted) throw error;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CommandFailure(`${this.url} does not answer: ${why}`);
    }
  }
}

async function failure(answer: Response): Promise<CommandFailure> {
  const read = errorSchema.safeParse(await answer.json().catch(() => undefined));
  if (!read.success) return new CommandFailure(`the daemon answered ${answer.status}`);
  const { code, message, field } = read.data.error;
  const where = field === undefined ? '' : ` (${field})`;
  const isOurs = code === 'bad_request' || code === 'not_found';
  return new CommandFailure(`${code}: ${message}${where}`, isOurs ? EXIT.badInput : EXIT.failed);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
