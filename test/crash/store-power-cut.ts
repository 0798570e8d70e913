/**
 * What a disk may hold after the power went, from the system calls that a process made (strace). What was synced is
 * there; what was written since may be there, or not, or torn at any sector of 512 bytes, in any order; names made,
 * changed or removed since the directory was synced may be so from some moment on. Harsher than ext4.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Random } from '../../drivers/contract/time.ts';

const SECTOR = 512;

/** One call that changes what the disk will hold, in the order in which they were seen. */
export type DiskCall =
  | { readonly kind: 'create'; readonly path: string; readonly truncate: boolean }
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly at: number | undefined;
      readonly bytes: Buffer;
    }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'sync'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'unlink'; readonly path: string }
  /** Left the process: somebody may rely on everything before it. */
  | { readonly kind: 'said'; readonly text: string }
  /** The same over a socket or a port. */
  | { readonly kind: 'told'; readonly to: 'socket' | 'port'; readonly bytes: Buffer };

export const STRACE_ARGUMENTS = [
  '-f',
  '-y',
  '-xx',
  '-s',
  '100000',
  '-e',
  'trace=pwrite64,write,writev,fsync,fdatasync,openat,ftruncate,rename,unlink',
] as const;

/** Reads a trace made with these arguments. A sync counts from its return, everything else from its beginning. */
export function callsIn(trace: string, directory: string): readonly DiskCall[] {
  const calls: DiskCall[] = [];
  const unfinished = new Map<string, string>();
  for (const line of trace.split('\n')) {
    const [, pid = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const begun = /^(.*) <unfinished \.\.\.>$/.exec(rest)?.[1];
    if (begun !== undefined) {
      unfinished.set(pid, begun);
      if (/^(pwrite64|writev?)\(/.test(begun)) add(calls, begun, directory);
      continue;
    }
    const isResumed = rest.startsWith('<... ');
    const whole = isResumed ? (unfinished.get(pid) ?? '') : rest;
    const isDone = !/ = -1 E/.test(rest);
    // A write was taken when it began; here it only comes back.
    if (isDone && !(isResumed && /^(pwrite64|writev?)\(/.test(whole))) add(calls, whole, directory);
  }
  return calls;
}

function add(calls: DiskCall[], text: string, directory: string): void {
  const strings = [...text.matchAll(/[<"]((?:\\x[0-9a-f]{2})*)[>"]/g)].map(([, hex = '']) =>
    Buffer.from(hex.replaceAll('\\x', ''), 'hex'),
  );
  const [first = Buffer.alloc(0), second = Buffer.alloc(0), third] = strings;
  const name = /^(\w+)\(/.exec(text)?.[1];
  const numbers = text.replace(/[<"](?:\\x[0-9a-f]{2})*[>"]/g, '').split(',');
  const isOurs = (path: Buffer) => String(path).startsWith(directory);
  switch (name) {
    case 'openat': {
      const path = isOurs(second) ? second : (third ?? second);
      if (!isOurs(path) || !text.includes('O_CREAT')) return;
      calls.push({ kind: 'create', path: String(path), truncate: text.includes('O_TRUNC') });
      return;
    }
    case 'pwrite64':
      if (isOurs(first)) {
        const at = Number.parseInt(numbers[3] ?? '', 10);
        calls.push({ kind: 'write', path: String(first), at, bytes: second });
      }
      return;
    case 'write':
      if (isOurs(first))
        calls.push({ kind: 'write', path: String(first), at: undefined, bytes: second });
      else if (text.startsWith('write(1<')) calls.push({ kind: 'said', text: String(second) });
      else told(calls, strings);
      return;
    case 'writev':
      told(calls, strings);
      return;
    case 'fsync':
    case 'fdatasync':
      if (isOurs(first)) calls.push({ kind: 'sync', path: String(first) });
      return;
    case 'ftruncate':
      if (isOurs(first)) {
        const size = Number.parseInt(numbers[1] ?? '', 10);
        calls.push({ kind: 'truncate', path: String(first), size });
      }
      return;
    case 'rename':
      if (isOurs(first)) calls.push({ kind: 'rename', path: String(first), to: String(second) });
      return;
    case 'unlink':
      if (isOurs(first)) calls.push({ kind: 'unlink', path: String(first) });
      return;
    default:
  }
}

/** The descriptor's name first, then what was written to it. */
function told(calls: DiskCall[], [name, ...parts]: readonly Buffer[]): void {
  const to = PEERS.find(([, named]) => named.test(String(name)))?.[0];
  if (to !== undefined) calls.push({ kind: 'told', to, bytes: Buffer.concat(parts) });
}

const PEERS = [
  ['socket', /^socket:/],
  ['port', /^\/dev\/pts\//],
] as const;

interface Content {
  /** As it was when last synced, and what came since. */
  durable: Buffer;
  since: ({ readonly at: number; readonly bytes: Buffer } | { readonly size: number })[];
  /** Where the next write without a place goes. */
  end: number;
}

/** Follows the calls and can say at any moment what would be left. */
export class Disk {
  readonly #directory: string;
  #names = new Map<string, Content>();
  #durableNames = new Map<string, Content>();
  /** The names after each change since the directory was synced. */
  #namesSince: Map<string, Content>[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  apply(call: DiskCall): void {
    switch (call.kind) {
      case 'create': {
        const held = this.#names.get(call.path);
        if (held === undefined) {
          this.#rename((names) =>
            names.set(call.path, { durable: Buffer.alloc(0), since: [], end: 0 }),
          );
        } else {
          held.end = 0;
          if (call.truncate) held.since.push({ size: 0 });
        }
        return;
      }
      case 'write': {
        const file = this.#names.get(call.path);
        if (file === undefined) return;
        const at = call.at ?? file.end;
        file.end = at + call.bytes.length;
        file.since.push({ at, bytes: call.bytes });
        return;
      }
      case 'truncate':
        this.#names.get(call.path)?.since.push({ size: call.size });
        return;
      case 'sync':
        this.#sync(call.path);
        return;
      case 'rename':
        this.#rename((names) => {
          const file = names.get(call.path);
          names.delete(call.path);
          if (file !== undefined) names.set(call.to, file);
        });
        return;
      case 'unlink':
        this.#rename((names) => names.delete(call.path));
        return;
      default:
    }
  }

  /** Writes one of the states that a power cut now may leave into another directory. */
  cutTo(target: string, random: Random): void {
    const stages = [this.#durableNames, ...this.#namesSince];
    const names = stages[Math.floor(random.fraction() * stages.length)] ?? this.#names;
    for (const [path, file] of names) {
      // Shared memory is not a file's content: it is made anew.
      if (path.endsWith('-shm')) continue;
      const to = join(target, relative(this.#directory, path));
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, torn(file, random));
    }
  }

  #sync(path: string): void {
    if (path === this.#directory) {
      this.#durableNames = new Map(this.#names);
      this.#namesSince = [];
      return;
    }
    const file = this.#names.get(path);
    if (file === undefined) return;
    file.durable = file.since.reduce(changed, file.durable);
    file.since = [];
  }

  #rename(change: (names: Map<string, Content>) => void): void {
    this.#names = new Map(this.#names);
    change(this.#names);
    this.#namesSince.push(this.#names);
  }
}

function changed(content: Buffer, change: Content['since'][number]): Buffer {
  if ('size' in change) {
    const cut = Buffer.alloc(change.size);
    content.copy(cut);
    return cut;
  }
  const end = change.at + change.bytes.length;
  const grown =
    end > content.length ? Buffer.concat([content, Buffer.alloc(end - content.length)]) : content;
  change.bytes.copy(grown, change.at);
  return grown;
}

/** Each write since the sync whole, not at all, or some of its sectors. */
function torn({ durable, since }: Content, random: Random): Buffer {
  let content: Buffer = Buffer.from(durable);
  const mood = random.fraction();
  for (const change of since) {
    const chance = random.fraction();
    if ('size' in change) {
      if (chance < mood) content = changed(content, change);
    } else if (chance < mood * 0.7) {
      content = changed(content, change);
    } else if (chance < mood) {
      for (let from = 0; from < change.bytes.length; from += SECTOR) {
        if (random.fraction() < 0.5) continue;
        const bytes = change.bytes.subarray(from, from + SECTOR);
        content = changed(content, { at: change.at + from, bytes });
      }
    }
  }
  return content;
}
