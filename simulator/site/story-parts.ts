/** What the steps of the story have at hand, and how they look whether it went as told. */
import type { Reply, WireEvent } from '../../daemon/cloud/messages.ts';
import { type Clock, type Instant, type Millis, pause } from '../../drivers/contract/time.ts';
import type { KeycafeCloud } from '../clouds/keycafe.ts';
import type { OwnCloud } from './own-cloud.ts';
import type { SiteHands } from './site-hands.ts';
import type { Timeline } from './timeline.ts';

const NEWS_WITHIN: Millis = 8000;

export interface StoryParts {
  /** How many times longer the guest's hours are; for a daemon under an emulator. Default 1. */
  readonly pace?: number;
  readonly timeline: Timeline;
  readonly cloud: OwnCloud;
  readonly hands: SiteHands;
  readonly clock: Clock;
  /** To the internet: the broker of the cloud, and the clouds of vendors. */
  readonly line: { cut(): Promise<void>; mend(): Promise<void> };
  /** Of the daemon's journal, over its local API. */
  readonly lastSeq: () => Promise<number>;
  /** Keycafe's simulated cloud, and where its clients are answered by the box itself. */
  readonly keycafe: {
    readonly cloud: KeycafeCloud;
    readonly dialect: {
      readonly url: string;
      readonly username: string;
      readonly password: string;
    };
  };
}

/** The next event of this type that the cloud had not received before. */
export async function next(
  cloud: OwnCloud,
  before: number,
  type: WireEvent['type'],
  isIt: (event: WireEvent) => boolean = () => true,
): Promise<WireEvent> {
  try {
    return await cloud.event(
      (event) => event.type === type && cloud.events.indexOf(event) >= before && isIt(event),
      NEWS_WITHIN,
    );
  } catch {
    const heard = cloud.events.slice(before).map((event) => event.type);
    throw new Error(`the cloud heard of no ${type}, only of ${heard.join(', ') || 'nothing'}`);
  }
}

/** Waits until the cloud has everything that the journal has. */
export async function settle({ cloud, clock, lastSeq }: StoryParts): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if ((cloud.events.at(-1)?.seq ?? 0) >= (await lastSeq())) return;
    await pause(clock, 25);
  }
  throw new Error('the cloud did not catch up with the journal');
}

export function slotOf(event: WireEvent): number {
  const slot = event.body['slot'];
  if (typeof slot !== 'number') throw new Error(`${event.type} names no slot`);
  return slot;
}

export function done(reply: Reply): void {
  expect(
    reply.status === 'ok',
    `the box answered ${reply.code ?? reply.status} ${reply.msg ?? ''}`,
  );
}

export function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

export function clockTime(at: Instant): string {
  return new Date(at).toTimeString().slice(0, 8);
}
