/** Calls of the local API: by the session's cookie, or by a token that stays in this tab. */
import type { Entry, Json } from './shapes.ts';

const TOKEN = 'latchkey-token';
/** Told to the page when the daemon does not know any more who this is. */
export const OVER = 'latchkey-session-over';
/** Between two tries to follow the journal. */
const AGAIN_MS = 2000;

export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;
  constructor(status: number, code: string, message: string, field: string | undefined) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

export function useToken(token: string | undefined): void {
  if (token === undefined) sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, token);
}

function authorization(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

interface How {
  readonly signal?: AbortSignal;
  /** Carried out once, however often it is asked under this name. */
  readonly once?: string;
}

/** @throws Refusal for what the server says no to; another Error where it cannot be reached. */
export async function call<Reply>(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: Json,
  { signal, once }: How = {},
): Promise<Reply> {
  const answer = await fetch(`/api/v1/${path}`, {
    method,
    headers: {
      ...authorization(),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(once === undefined ? {} : { 'idempotency-key': once }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const reply = await answer.json();
  if (answer.ok) return reply;
  tellIfOver(answer);
  const { code = 'internal', message = answer.statusText, field } = reply.error ?? {};
  throw new Refusal(answer.status, code, message, field);
}

function tellIfOver({ status }: Response): void {
  if (status === 401) dispatchEvent(new Event(OVER));
}

/** A name that nobody had before. Not a `randomUUID`: a browser has that over TLS only. */
export function newName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `panel-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** What a call answers, as a file of whoever looks. @throws Refusal */
export async function save(path: string, name: string): Promise<void> {
  const answer = await fetch(`/api/v1/${path}`, { headers: authorization() });
  if (!answer.ok) throw new Refusal(answer.status, 'internal', answer.statusText, undefined);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

export const get = <Reply>(path: string): Promise<Reply> => call<Reply>('GET', path);

/**
 * The journal as it grows, until the signal. A stream read by hand: an `EventSource` would send no token.
 * @param live told whether the stream stands.
 */
export async function follow(
  hear: (entry: Entry) => void,
  live: (stands: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  let last: number | undefined;
  while (!signal.aborted) {
    try {
      const answer = await fetch(`/api/v1/events${last === undefined ? '' : `?after=${last}`}`, {
        headers: authorization(),
        signal,
      });
      tellIfOver(answer);
      if (answer.ok && answer.body !== null) {
        live(true);
        for await (const entry of entriesIn(answer.body)) {
          last = entry.seq;
          hear(entry);
        }
      }
    } catch {
      // The daemon is away or the page is left; the loop goes on with the first and ends with the second.
    }
    if (signal.aborted) return;
    live(false);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

async function* entriesIn(body: ReadableStream<Uint8Array>): AsyncIterable<Entry> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const data = part.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) yield JSON.parse(data.slice(6));
    }
  }
}
