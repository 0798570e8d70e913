/**
 * Who sends a picture of grants, in a process of its own, as it is on another machine: to make them is none of the
 * box's work, and is done with what the box leaves over. One question at a time over IPC, answered by the grants.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import type { Grant } from '../../daemon/access/model.ts';
import { grantsOf } from './grants.ts';
import { indexerHere } from './house.ts';

interface Asked {
  readonly from: number;
  readonly count: number;
}

export class GrantsSender implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<GrantsSender> {
    const child = fork(import.meta.filename, { serialization: 'advanced' });
    await once(child, 'message');
    return new GrantsSender(child);
  }

  async grants(asked: Asked): Promise<readonly Grant[]> {
    const answered = once(this.#child, 'message');
    this.#child.send(asked);
    const [grants]: readonly Grant[][] = await answered;
    if (grants === undefined) throw new TypeError('a question is answered by grants');
    return grants;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill();
    await gone;
  }
}

function serve(): void {
  setPriority(19);
  const indexer = indexerHere();
  process.on('message', ({ from, count }: Asked) => process.send?.(grantsOf(count, indexer, from)));
  process.on('disconnect', () => process.exit());
  process.send?.(0);
}

if (import.meta.main) serve();
