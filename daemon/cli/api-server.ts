/** The local API of a running daemon: its server, its tokens, and the file by which commands find it. */
import { readFileSync } from 'node:fs';
import { splitHostAndPort } from '../../config/host-and-port.ts';
import type { Config } from '../../config/schema.ts';
import { readSecretText, type SecretSource } from '../../config/secrets.ts';
import { Accounts } from '../local-api/accounts.ts';
import type { SiteDesk } from '../local-api/desk.ts';
import { panelRoutes } from '../local-api/panel-routes.ts';
import { localApi } from '../local-api/server.ts';
import { Sessions } from '../local-api/sessions.ts';
import { drawToken, Tokens } from '../local-api/tokens.ts';
import {
  createServer,
  type HttpOptions,
  type HttpRoute,
  type HttpServer,
} from '../platform/http.ts';
import type { VendorPart } from '../vendors/vendor.ts';
import { CommandFailure } from './failure.ts';
import { writeRunFile } from './run-file.ts';

export interface ApiServerOptions {
  readonly config: Config;
  readonly desk: SiteDesk;
  readonly secrets: SecretSource;
  /** Told of by the API, and answering their vendors' own calls beside it. */
  readonly vendors: readonly VendorPart[];
  /** A request broke; for the operator's log. */
  readonly broken: (error: unknown, where: string) => void;
}

export interface ApiServer extends AsyncDisposable {
  readonly url: string;
}

/** @throws ConfigError for tokens and keys that are missing; CommandFailure where nothing can be served at that address. */
export async function serveApi(options: ApiServerOptions): Promise<ApiServer> {
  const { config, desk, secrets, broken, vendors } = options;
  const { listen, hosts, tls, panelOpening } = config.api;
  const { directory } = config.store;
  const own = drawToken(desk.random);
  const given = config.api.tokens.map(({ name, scope, token }, index) => ({
    name,
    scope,
    token: readSecretText(token, `api.tokens[${index}].token`, secrets),
  }));
  const tokens = new Tokens(
    [...given, { name: 'local', scope: 'admin', token: own }],
    directory,
    desk.clock,
    broken,
  );
  const accounts = new Accounts(directory, desk.random, broken);
  const sessions = new Sessions(desk.clock, desk.random);
  await using parts = new AsyncDisposableStack();
  const server = parts.use(
    await listening(listen, {
      ...splitHostAndPort(listen),
      names: hosts,
      ...(tls === undefined
        ? {}
        : {
            tls: {
              cert: readFileSync(tls.cert, 'utf8'),
              key: readSecretText(tls.key, 'api.tls.key', secrets),
            },
          }),
      routes: [
        ...localApi({
          desk,
          tokens,
          accounts,
          sessions,
          panelOpening,
          vendors: () => vendors,
          broken,
        }),
        ...panelRoutes({ panelOpening }),
        ...vendors.flatMap((vendor): readonly HttpRoute[] => vendor.routes),
      ],
      broken,
    }),
  );
  const run = { url: server.url, token: own, pid: process.pid };
  parts.use(writeRunFile(directory, run, (error) => broken(error, 'run-file')));
  const all = parts.move();
  return { url: server.url, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function listening(where: string, options: HttpOptions): Promise<HttpServer> {
  try {
    return await createServer(options);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const remedy = new Map([
      ['EADDRINUSE', 'another program has it (a second daemon?): choose another port'],
      ['EADDRNOTAVAIL', 'this machine has no such address'],
      ['EACCES', 'ports below 1024 need a privilege: choose another port'],
    ]).get(code);
    if (remedy === undefined) throw error;
    throw new CommandFailure(`api.listen: nothing can be served at ${where}; ${remedy}`);
  }
}
