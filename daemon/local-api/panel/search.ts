/** A search whose answer comes in parts: it goes on by itself until the page is full or there is no more. */
import { useEffect, useState } from 'preact/hooks';
import { get } from './api.ts';

const TYPING_MS = 200;

interface Part<Row, Place> {
  readonly rows: readonly Row[];
  readonly next: Place | null;
}

export interface Searched<Row, Place> {
  readonly rows: readonly Row[];
  readonly next: Place | null;
  /** It has not looked far enough yet. */
  readonly isLooking: boolean;
  readonly fault: unknown;
  more(): void;
  again(): void;
}

/**
 * @param path of the first part and, given where it ended, of the next.
 * @param query changes when something else is looked for.
 * @param version changes when there may be more of the same: the rows stay until the new ones are there.
 */
export function useSearch<Row, Place>(
  path: (after: Place | null) => string,
  read: (reply: never) => Part<Row, Place>,
  page: number,
  query: string,
  version: unknown,
): Searched<Row, Place> {
  const [state, setState] = useState<Part<Row, Place> & { isLooking: boolean; fault: unknown }>({
    rows: [],
    next: null,
    isLooking: true,
    fault: undefined,
  });
  const [wish, setWish] = useState({ count: 0, from: null as Place | null, want: page });

  useEffect(() => {
    let isCurrent = true;
    const before = wish.from === null ? [] : state.rows;
    const look = async () => {
      let [rows, place] = [before, wish.from];
      for (;;) {
        const part = read(await get<never>(path(place)));
        if (!isCurrent) return;
        rows = [...rows, ...part.rows];
        place = part.next;
        const isLooking = place !== null && rows.length < wish.want;
        setState({ rows, next: place, isLooking, fault: undefined });
        if (!isLooking) return;
      }
    };
    setState((last) => ({ ...last, isLooking: true, fault: undefined }));
    const timer = setTimeout(
      () => {
        look().catch((fault: unknown) => {
          if (isCurrent) setState((last) => ({ ...last, isLooking: false, fault }));
        });
      },
      wish.from === null ? TYPING_MS : 0,
    );
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [wish, query, version]);

  // Something else is looked for: from the start again.
  useEffect(() => {
    setWish({ count: 0, from: null, want: page });
  }, [query, version]);

  return {
    ...state,
    more: () =>
      setWish(({ count }) => ({
        count: count + 1,
        from: state.next,
        want: state.rows.length + page,
      })),
    again: () => setWish(({ count }) => ({ count: count + 1, from: null, want: page })),
  };
}
