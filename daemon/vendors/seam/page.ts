/** Pages of a list: an opaque cursor that goes on after one id, only with the same other parameters. */
import { z } from 'zod';
import { digestOf } from '../vendor-record.ts';
import type { Call } from './endpoint.ts';
import { SeamError } from './seam-error.ts';

const cursorSchema = z.strictObject({ asked: z.string(), after: z.string() });

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly pagination: {
    readonly has_next_page: boolean;
    readonly next_page_cursor: string | null;
    readonly next_page_url: null;
  };
}

/** Of items in an order that stays; what goes or comes between two pages moves no other. */
export function pageOf<Item>(
  items: readonly Item[],
  ranked: (item: Item) => string,
  options: { readonly limit: number; readonly cursor: string | null | undefined },
  { asked }: Call,
): Page<Item> {
  const digest = digestOf(asked);
  const after = options.cursor == null ? undefined : read(options.cursor, digest);
  const sorted = items
    .map((item) => ({ item, rank: ranked(item) }))
    .sort((one, other) => (one.rank < other.rank ? -1 : 1))
    .filter(({ rank }) => after === undefined || rank > after);
  const shown = sorted.slice(0, options.limit);
  const last = shown.at(-1);
  const hasNext = sorted.length > shown.length && last !== undefined;
  return {
    items: shown.map(({ item }) => item),
    pagination: {
      has_next_page: hasNext,
      next_page_cursor: hasNext
        ? Buffer.from(JSON.stringify({ asked: digest, after: last.rank })).toString('base64url')
        : null,
      next_page_url: null,
    },
  };
}

function read(cursor: string, digest: string): string {
  try {
    const { asked, after } = cursorSchema.parse(
      JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')),
    );
    if (asked === digest) return after;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    throw new SeamError(400, 'invalid_page_cursor', 'this cursor was not given out here');
  }
  throw new SeamError(
    400,
    'mismatched_page_parameters',
    'a page cursor goes with the parameters of the first page',
  );
}
