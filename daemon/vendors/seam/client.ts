/** Seam's API as the connector calls it: every path by POST, lists page by page. */
import { z } from 'zod';
import { answered, answerIn } from '../answer.ts';
import { VendorError } from '../http.ts';
import type { VendorHost } from '../vendor-host.ts';
import { type ActionAttempt, actionAttemptSchema, errorSchema, paginationSchema } from './wire.ts';

/** More pages than there can be: the cursors go in a circle. */
const PAGES_MOST = 2000;

export class SeamClient {
  readonly #host: VendorHost;

  constructor(host: VendorHost) {
    this.#host = host;
  }

  /** @throws VendorError */
  async call(
    path: string,
    body: object,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    const reply = await this.#host.call({ method: 'POST', path, body, signal });
    return answerIn(reply.body, z.record(z.string(), z.unknown()), path);
  }

  /** The one result of this name. @throws VendorError */
  async one<T>(
    path: string,
    body: object,
    name: string,
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    return answered((await this.call(path, body, signal))[name], schema, path);
  }

  /** The attempt that the answer names, if any; and all of the answer. @throws VendorError */
  async begun(
    path: string,
    body: object,
    signal: AbortSignal,
  ): Promise<{
    readonly answer: Readonly<Record<string, unknown>>;
    readonly attempt: ActionAttempt | undefined;
  }> {
    const answer = await this.call(path, body, signal);
    const attempt = actionAttemptSchema.safeParse(answer['action_attempt']).data;
    if (attempt?.status === 'error') {
      const word = attempt.error?.type ?? 'failed';
      throw new VendorError('refused', `${path}: ${word}`, { word });
    }
    return { answer, attempt };
  }

  /** Pages of the result of this name. @throws VendorError */
  async *pages<T>(
    path: string,
    body: object,
    name: string,
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): AsyncIterable<readonly T[]> {
    let cursor: string | undefined;
    for (let page = 0; page < PAGES_MOST; page += 1) {
      const asked = cursor === undefined ? body : { ...body, page_cursor: cursor };
      const answer = await this.call(path, asked, signal);
      yield answered(answer[name], z.array(schema), path);
      if (answer['pagination'] === undefined) return;
      const { has_next_page, next_page_cursor } = answered(
        answer['pagination'],
        paginationSchema,
        path,
      );
      if (!has_next_page) return;
      if (next_page_cursor == null || next_page_cursor === cursor) {
        throw new VendorError('malformed', `${path}: a page without a way on`);
      }
      cursor = next_page_cursor;
    }
    throw new VendorError('malformed', `${path}: pages without end`);
  }

  /** @throws VendorError */
  async all<T>(
    path: string,
    body: object,
    name: string,
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    for await (const page of this.pages(path, body, name, schema, signal)) found.push(...page);
    return found;
  }
}

/** Seam's own word for what is wrong; some answers of 404 are plain text. */
export function typeIn(body: string): string | undefined {
  try {
    const found = errorSchema.safeParse(JSON.parse(body));
    return found.success ? found.data.error.type : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
