/** One page of a list. */
import { z } from 'zod';
import { Refused } from './seam-things.ts';

/** The cursor says after which id it goes on; other parameters beside it are refused. */
export function pageOf(
  name: string,
  rows: readonly object[],
  asked: Readonly<Record<string, unknown>>,
  size: number,
): object {
  const { page_cursor, ...others } = asked;
  const mark = JSON.stringify(others);
  let from = 0;
  if (typeof page_cursor === 'string') {
    const [before, at] = z
      .tuple([z.string(), z.number()])
      .parse(JSON.parse(Buffer.from(page_cursor, 'base64').toString()));
    if (before !== mark) throw new Refused(400, 'mismatched_page_parameters');
    from = at;
  }
  const has_next_page = rows.length > from + size;
  const next = Buffer.from(JSON.stringify([mark, from + size])).toString('base64');
  return {
    [name]: rows.slice(from, from + size),
    pagination: {
      has_next_page,
      next_page_cursor: has_next_page ? next : null,
      next_page_url: null,
    },
  };
}
