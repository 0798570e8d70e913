/** What the pages show, fetched anew whenever the journal says that something happened. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { follow, get } from './api.ts';
import { showIn } from './moments.ts';
import type { AccessPoint, Device, Entry, Key, Status } from './shapes.ts';

export interface Site {
  readonly status: Status;
  readonly places: readonly AccessPoint[];
  readonly keys: readonly Key[];
  readonly devices: readonly Device[];
}

export interface Live {
  readonly site: Site | undefined;
  /** Entries heard since the page was opened, newest first. */
  readonly heard: readonly Entry[];
  /** The last that were there when it was opened. */
  readonly before: readonly Entry[];
  /** The journal is followed; false while the daemon is away. */
  readonly isLive: boolean;
  refresh(): void;
}

/** Several entries of one moment cause one fetch. */
const SETTLE_MS = 250;
const EVERY_MS = 15_000;
const HEARD_MAX = 200;

async function fetchSite(): Promise<Site> {
  const [status, { accessPoints }, { keys }, { devices }] = await Promise.all([
    get<Status>('status'),
    get<{ accessPoints: readonly AccessPoint[] }>('access-points'),
    get<{ keys: readonly Key[] }>('keys'),
    get<{ devices: readonly Device[] }>('devices'),
  ]);
  showIn(status.zone, status.now);
  return { status, places: accessPoints, keys, devices };
}

export function useSite(): Live {
  const [site, setSite] = useState<Site | undefined>();
  const [heard, setHeard] = useState<readonly Entry[]>([]);
  const [before, setBefore] = useState<readonly Entry[]>([]);
  const [isLive, setLive] = useState(false);
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const fetchNow = () => {
    waiting.current = undefined;
    fetchSite().then(setSite, () => setLive(false));
  };
  // Not put off by what happens meanwhile: a busy site is shown as well.
  const refresh = () => {
    waiting.current ??= setTimeout(fetchNow, SETTLE_MS);
  };

  useEffect(() => {
    fetchNow();
    return () => clearTimeout(waiting.current);
  }, []);

  // What happened while nobody listened, too.
  useEffect(() => {
    get<{ entries: readonly Entry[] }>('journal?limit=100').then(
      ({ entries }) => setBefore(entries),
      () => undefined,
    );
  }, [isLive]);

  useEffect(() => {
    const left = new AbortController();
    const timer = setInterval(refresh, EVERY_MS);
    const hear = (entry: Entry) => {
      setHeard((before) => [entry, ...before].slice(0, HEARD_MAX));
      refresh();
    };
    const live = (stands: boolean) => {
      setLive(stands);
      refresh();
    };
    follow(hear, live, left.signal);
    return () => {
      left.abort();
      clearInterval(timer);
    };
  }, []);

  return { site, heard, before, isLive, refresh };
}
