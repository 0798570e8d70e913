/** Entries as they are committed, as a stream of server-sent events that catches up first and then follows. */
import { pause } from '../../drivers/contract/time.ts';
import type { RecordedEntry } from '../access/entry.ts';
import type { SiteDesk } from './desk.ts';
import { entryReply } from './entry-reply.ts';

/** Read at once while catching up. */
const PAGE = 500;
/** Comments keep proxies from closing a quiet stream, and show a dead caller. */
const QUIET_MS = 15_000;

/**
 * Reads from the journal rather than from memory: a slow caller holds up nobody and costs nothing, and what is
 * missed while he is away is there when he comes back.
 */
export async function* entryStream(
  desk: SiteDesk,
  after: number,
  fits: (entry: RecordedEntry) => boolean,
  signal: AbortSignal,
): AsyncIterable<string> {
  const { journal, clock } = desk;
  let last = after;
  const news = new News();
  const stop = journal.follow(() => news.tell());
  signal.addEventListener('abort', () => news.tell(), { once: true });
  try {
    yield 'retry: 2000\n\n';
    while (!signal.aborted) {
      const heard = news.next();
      const entries = journal.read({ after: last, limit: PAGE });
      for (const entry of entries) {
        last = entry.seq;
        if (fits(entry)) yield eventText(entry);
      }
      if (entries.length === PAGE) continue;
      const quiet = new AbortController();
      const waited = await Promise.race([
        heard.then(() => 'news' as const),
        pause(clock, QUIET_MS, quiet.signal).then(() => 'quiet' as const),
      ]);
      quiet.abort();
      if (waited === 'quiet') yield ': still here\n\n';
    }
  } finally {
    stop();
  }
}

/** Whether something happened since `next` was called, however often. */
class News {
  #waiting = Promise.withResolvers<void>();

  tell(): void {
    this.#waiting.resolve();
  }

  next(): Promise<void> {
    this.#waiting = Promise.withResolvers<void>();
    return this.#waiting.promise;
  }
}

function eventText(entry: RecordedEntry): string {
  return `id: ${entry.seq}\nevent: ${entry.type}\ndata: ${JSON.stringify(entryReply(entry))}\n\n`;
}
