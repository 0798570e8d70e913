/** The talk with a reader that only ever speaks by itself: cut what it says into tokens, tell cards and codes. */
import type { Actuation, DeviceEvent } from '../contract/device.ts';
import type { BusFacts, Input, Machine, Step } from '../contract/machine.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import { asDeviceEvents, discardPin, pinDeadline } from './pin-entry.ts';
import {
  expire,
  nothingYet,
  READ_STATE_WITHIN,
  type ReaderState,
  type ReaderTalk,
  result,
  type Said,
  silence,
  take,
  then,
} from './reader-state.ts';
import { receive } from './receive-buffer.ts';

export function readerMachine(
  talk: ReaderTalk,
  bus: Pick<BusFacts, 'latencyMs'>,
): Machine<ReaderState> {
  const { device } = talk;
  const gap = talk.idleGap + bus.latencyMs;

  function step(before: ReaderState, input: Input, now: Uptime): Said {
    switch (input.kind) {
      case 'link-up':
        return { state: { ...before, isUp: true }, events: [{ device, kind: 'online' }] };
      case 'link-down':
        return linkDown(before);
      case 'bytes': {
        const settled = silence(before, now, gap, talk);
        const heard = receive(
          settled.state.held,
          input.bytes,
          (b) => talk.scan(b, false),
          talk.most,
        );
        return then(settled, (state) => take({ ...state, lastByteAt: now }, heard, now, talk));
      }
      case 'wake':
        return then(silence(before, now, gap, talk), (state) => expire(state, now, talk));
      case 'actuation':
        return actuate(before, input.actuation, now);
      case 'withdraw':
      case 'sent':
      case 'notified':
      case 'value':
      case 'gatt-failed':
        return { state: before, events: [] };
      default:
        return input satisfies never;
    }
  }

  /** A reader on a wire without a way back can do nothing but repeat what lies in its field. */
  function actuate(state: ReaderState, actuation: Actuation, now: Uptime): Said {
    if (actuation.kind === 'feedback') return { state, events: [] };
    if (actuation.kind !== 'read-state') {
      return { state, events: [result(actuation, 'refused', 'this reader only speaks')] };
    }
    const rereading = [...state.rereading, { actuation, until: uptime(now + READ_STATE_WITHIN) }];
    return { state: { ...state, rereading, seen: new Map() }, events: [] };
  }

  function linkDown(state: ReaderState): Said {
    const events: DeviceEvent[] = state.rereading.map(({ actuation }) =>
      result(actuation, 'failed', 'the link closed'),
    );
    const discarded = discardPin(state.entry, 'fault');
    events.push(...asDeviceEvents(device, discarded.events));
    if (state.isUp) events.push({ device, kind: 'offline', why: 'the link closed' });
    return { state: { ...nothingYet(), statistics: state.statistics }, events };
  }

  return {
    begin: () => ({ state: nothingYet(), send: [], events: [], wakeAt: undefined }),
    step(before, input, now): Step<ReaderState> {
      const { state, events } = step(before, input, now);
      return { state, send: [], events, wakeAt: wakeAt(state, gap, talk) };
    },
    statistics: (state) => new Map([[device, state.statistics]]),
  };
}

function wakeAt(state: ReaderState, gap: Millis, { pin }: ReaderTalk): Uptime | undefined {
  const moments: number[] = state.rereading.map(({ until }) => until);
  if (state.held.length > 0) moments.push(state.lastByteAt + gap);
  const deadline = pin === undefined ? undefined : pinDeadline(state.entry, pin);
  if (deadline !== undefined) moments.push(deadline);
  return moments.length === 0 ? undefined : uptime(Math.min(...moments));
}
