/** What a lock board's protocol tells the bus machine, so that one bus discipline serves all of them. */
import type { DeviceFault, DeviceId, SlotNumber } from '../contract/device.ts';
import type { Millis } from '../contract/time.ts';
import type { Scanned } from './receive-buffer.ts';

/** State of a sensor; `undefined` where this reading does not tell. */
export type Bit = boolean | undefined;

/** What a board says of its slots, slot 1 first; polarity is already applied. */
export interface Reading {
  /** The door stands open. */
  readonly doors: readonly Bit[];
  /** Something lies in the slot. */
  readonly presence: readonly Bit[];
  /** Inputs that belong to no slot, input 1 first; `undefined` for those that do. */
  readonly inputs?: readonly Bit[];
  /** The door that the strike holds stands open. */
  readonly contact?: Bit;
}

export type Answer<Frame> =
  | { readonly kind: 'reading'; readonly reading: Reading }
  /** The board has taken the request; for an opening it means pulsed, not opened. */
  | { readonly kind: 'acknowledged' }
  /** Final: the board will not. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** The board says that it did not, but is not to be believed without a look at the door. */
  | { readonly kind: 'declined' }
  /** Setting up goes on with these; `because` of what had to be put right. */
  | {
      readonly kind: 'next';
      readonly exchanges: readonly Exchange<Frame>[];
      readonly because?: { readonly fault: DeviceFault; readonly detail: string };
    }
  /** The board is set up so that it must not be used; it is looked at again later. */
  | { readonly kind: 'unsafe'; readonly fault: DeviceFault; readonly detail: string };

/** One request and how its reply is known. */
export interface Exchange<Frame> {
  readonly bytes: Uint8Array;
  /** Length of the reply; 0 where none comes. */
  readonly replyBytes: number;
  /** Most time between the end of the request and the beginning of the reply. */
  readonly within: Millis;
  /** No reply can ever equal it, so that our own bytes coming back can be told from one. */
  readonly isProbe: boolean;
  /** `undefined`: this frame is no reply to this request. */
  answer(frame: Frame): Answer<Frame> | undefined;
}

export interface BoardProtocol<Frame> {
  /** `isOver`: nothing more belongs to these bytes. */
  scan(bytes: Uint8Array, isOver: boolean): Scanned<Frame>;
  /** Longest beginning of a frame that is held. */
  readonly most: number;
  /** Silence between frames. */
  readonly gap: Millis;
  /** Address of the board that said it, or `host` for what only a host says. */
  speaker(frame: Frame): number | 'host';
}

/** One board on the bus. */
export interface Board<Frame> {
  readonly device: DeviceId;
  readonly address: number;
  /** Others are refused before anything is built for them. */
  hasSlot(slot: SlotNumber): boolean;
  /** Before the first reading after each start, in order. */
  readonly setup: readonly Exchange<Frame>[];
  readonly status: Exchange<Frame>;
  /** Only for slots that it has. */
  open(slot: SlotNumber, hold: Millis): Exchange<Frame>;
  /** A strike at the board beside its slots; the board ends the unlocking by itself. */
  readonly strike?: { unlock(hold: Millis): Exchange<Frame>; lock(): Exchange<Frame> };
  /** A contact tells whether this slot's door is open. */
  hasContact(slot: SlotNumber): boolean;
  /** What the board says by itself of its slots; `undefined` for all other frames. */
  unasked(frame: Frame): Reading | undefined;
  readonly timing: BoardTiming;
}

export interface BoardTiming {
  readonly pollEvery: Millis;
  /** Repeats of a reading that was not answered; openings have none. */
  readonly retries: number;
  /** Equal readings that make a change, and that prove an opening. */
  readonly debounce: number;
  /** When the board is asked whether the door opened, counted from the end of the request. */
  readonly confirmAfter: readonly Millis[];
  /** How long the board powers a lock that is asked to be open for `hold`; the next opening waits until the supply is free. */
  pulse(hold: Millis): Millis;
  /** Between two openings of one slot, so that its solenoid stays cool. */
  readonly slotRest: Millis;
}
