/** Calls to other servers; what makes them is loaded at the first: a start does not wait for it. */
import type { Call, HttpClientOptions, HttpConnections, Reply } from './http-connections.ts';

/** Follows no redirect: a key is sent to the host it is for. */
export class UndiciClient implements AsyncDisposable {
  readonly #options: HttpClientOptions;
  #connections: Promise<HttpConnections> | undefined;

  constructor(options: HttpClientOptions = {}) {
    this.#options = options;
  }

  async #load(): Promise<HttpConnections> {
    const { HttpConnections } = await import('./http-connections.ts');
    return new HttpConnections(this.#options);
  }

  async send(call: Call): Promise<Reply> {
    this.#connections ??= this.#load();
    const connections = await this.#connections;
    return connections.send(call);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#connections)?.end();
  }
}
