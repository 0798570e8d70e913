/** What the person at the reader sees and hears, as LED, BUZ and TEXT commands. */
import type { FeedbackSignal } from '../contract/device.ts';
import type { Blink, Colour, Command } from './commands.ts';
import { canDo, type Pd, type Turn } from './pd.ts';
import { CAPABILITY } from './replies.ts';

/** Characters on the usual display of one line; longer texts are cut. */
const TEXT_MAX = 32;

/** What is wanted now, if it is not too late for it. */
export function wantedCommands(turn: Turn, pd: Pd): readonly Command[] {
  const { wanted } = pd;
  if (wanted === undefined || turn.now >= wanted.expiresAt) return [];
  return feedbackCommands(pd, wanted.signal, wanted.text).filter(
    ({ kind }) => !pd.unknown.has(kind),
  );
}

/** Only what the reader has advertised: a refusal costs a round trip. */
export function feedbackCommands(
  pd: Pd,
  signal: FeedbackSignal,
  text: string | undefined,
): readonly Command[] {
  const { feedback, reader } = pd.options;
  const { sound, keySound } = feedback;
  const commands: Command[] = [];
  if (canDo(pd, CAPABILITY.led)) commands.push(...led(pd, signal));
  const beep = BEEPS[signal];
  if (beep && sound && (signal !== 'key' || keySound) && canDo(pd, CAPABILITY.audible)) {
    commands.push({ kind: 'buzzer', reader, tone: 2, ...beep });
  }
  if (text !== undefined && feedback.text && canDo(pd, CAPABILITY.text)) {
    const seconds = Math.ceil(feedback.grantedMs / 1000);
    const shown = text.slice(0, TEXT_MAX);
    commands.push({ kind: 'text', reader, mode: 3, seconds, row: 1, column: 1, text: shown });
  }
  return commands;
}

/** Tenths of a second. */
const BEEPS: Readonly<
  Record<
    FeedbackSignal,
    { readonly on: number; readonly off: number; readonly repeat: number } | undefined
  >
> = {
  granted: { on: 3, off: 1, repeat: 1 },
  denied: { on: 1, off: 1, repeat: 3 },
  key: { on: 1, off: 1, repeat: 1 },
  wait: undefined,
  idle: undefined,
};

function led(pd: Pd, signal: FeedbackSignal): readonly Command[] {
  const { feedback, reader } = pd.options;
  const show = (pattern: Blink, lastsMs: number): readonly Command[] => [
    {
      kind: 'led',
      records: [
        {
          reader,
          led: feedback.led,
          temporary: { ...pattern, tenths: Math.ceil(lastsMs / 100) },
          permanent: undefined,
        },
      ],
    },
  ];
  switch (signal) {
    case 'granted':
      return show(steady(feedback.granted), feedback.grantedMs);
    case 'denied':
      return show(blinking(feedback.denied, 2), feedback.deniedMs);
    case 'wait':
      return show(blinking(feedback.wait, 5), WAIT_MS);
    case 'key':
      return [];
    case 'idle':
      return [
        {
          kind: 'led',
          records: [
            {
              reader,
              led: feedback.led,
              temporary: 'cancel',
              permanent: steady(feedback.idle),
            },
          ],
        },
      ];
    default:
      return signal satisfies never;
  }
}

/** A wait that nobody ends, ends by itself. */
const WAIT_MS = 10_000;

function steady(colour: Colour): Blink {
  return { on: 10, off: 0, onColour: colour, offColour: colour };
}

function blinking(colour: Colour, tenths: number): Blink {
  return { on: tenths, off: tenths, onColour: colour, offColour: 'off' };
}
