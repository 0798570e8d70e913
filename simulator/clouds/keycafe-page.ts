/** Lists of Keycafe's: 50 on a page, a bare array, and a `Link` header over it. */
import { PAGE_SIZE } from '../../daemon/vendors/keycafe/wire.ts';
import type { CloudReply, CloudRequest } from './common.ts';

export function pageOf(
  { query, path }: Pick<CloudRequest, 'query' | 'path'>,
  rows: readonly object[],
): CloudReply {
  const page = Number(query.get('page') ?? 1);
  const last = Math.max(1, Math.ceil(rows.length / PAGE_SIZE));
  const link = (to: number, rel: string) => {
    const next = new URLSearchParams(query);
    next.set('page', String(to));
    return `<${path}?${next}>; rel="${rel}"`;
  };
  const links = [link(1, 'first'), link(last, 'last')];
  if (page > 1) links.push(link(page - 1, 'prev'));
  if (page < last) links.push(link(page + 1, 'next'));
  return {
    status: 200,
    headers: { link: links.join(', ') },
    body: rows.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE),
  };
}

export function isLike(
  query: string | null,
  ...texts: readonly (string | null | undefined)[]
): boolean {
  const wanted = query?.toLowerCase();
  return wanted === undefined || texts.some((text) => text?.toLowerCase().includes(wanted));
}
