/** A search whose answer comes in parts: it goes on by itself until the page is full or there is no more. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { get } from './api.ts';

const TYPING_MS = 200;
const SETTLE_MS = 300;

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

interface Wish<Row, Place> {
  readonly from: Place | null;
  readonly before: readonly Row[];
  readonly want: number;
  /** Looks for the same once more: what is shown stays until all of it is there. */
  readonly isQuiet: boolean;
  readonly delay: number;
}

/**
 * @param path of the first part and, given where it ended, of the next.
 * @param query changes when something else is looked for.
 * @param version changes when there may be more of the same: as many rows as are shown are read anew.
 */
export function useSearch<Row, Place>(
  path: (after: Place | null) => string,
  read: (reply: never) => Part<Row, Place>,
  page: number,
  query: string,
  version: unknown,
): Searched<Row, Place> {
  const first: Wish<Row, Place> = {
    from: null,
    before: [],
    want: page,
    isQuiet: false,
    delay: TYPING_MS,
  };
  const [state, setState] = useState<Part<Row, Place> & { isLooking: boolean; fault: unknown }>({
    rows: [],
    next: null,
    isLooking: true,
    fault: undefined,
  });
  const [wish, setWish] = useState(first);
  const [seen, setSeen] = useState({ version, round: 0 });
  const latest = useRef(version);
  latest.current = version;

  useEffect(() => {
    let isCurrent = true;
    const { from, before, want, isQuiet, delay } = wish;
    const look = async () => {
      let [rows, place] = [before, from];
      for (;;) {
        const part = read(await get<never>(path(place)));
        if (!isCurrent) return;
        rows = [...rows, ...part.rows];
        place = part.next;
        const isLooking = place !== null && rows.length < want;
        if (!isQuiet || !isLooking) setState({ rows, next: place, isLooking, fault: undefined });
        if (!isLooking) return;
      }
    };
    if (!isQuiet) setState((last) => ({ ...last, isLooking: true, fault: undefined }));
    const timer = setTimeout(async () => {
      const { current } = latest;
      try {
        await look();
      } catch (fault) {
        if (isCurrent) setState((last) => ({ ...last, isLooking: false, fault }));
      }
      if (isCurrent) setSeen(({ round }) => ({ version: current, round: round + 1 }));
    }, delay);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [wish]);

  // Something else is looked for: from the start again.
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) setWish(first);
    isFirst.current = false;
  }, [query]);

  // Something happened: once a while at most, however much of it there is.
  useEffect(() => {
    if (seen.version === version || state.isLooking) return;
    const want = Math.max(page, state.rows.length);
    const timer = setTimeout(() => setWish({ ...first, want, isQuiet: true, delay: 0 }), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [seen.version === version, seen.round, state.isLooking]);

  return {
    ...state,
    more: () =>
      setWish({
        from: state.next,
        before: state.rows,
        want: state.rows.length + page,
        isQuiet: false,
        delay: 0,
      }),
    again: () => setWish({ ...first, delay: 0 }),
  };
}
