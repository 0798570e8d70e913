/**
 * A record of an OSDP bus in the form of the SIA conformance tool (`.osdpcap`: one JSON object a line), as reader
 * vendors' support asks for it. What a person showed or typed and every key is blanked out of it.
 */
import type { ByteLink, ByteLinkOpener } from '../contract/link.ts';
import type { Clock, Instant } from '../contract/time.ts';
import { toHex } from '../wire/hex.ts';
import { NOTHING_HELD, receive } from '../wire/receive-buffer.ts';
import { COMMAND } from './commands.ts';
import { encode, FRAME_MAX, type Frame, SECURITY, scan } from './frame.ts';
import { REPLY } from './replies.ts';

/** `input` came from a reader, `output` was sent to one. */
export type TraceDirection = 'input' | 'output';

/**
 * The same link, written down as it is used. `write` gets lines without their end; it must not throw. Frames whose
 * check was wrong are left out: nobody can tell what they would have shown.
 */
export function traced(
  opener: ByteLinkOpener,
  clock: Clock,
  write: (line: string) => void,
): ByteLinkOpener {
  return {
    kind: opener.kind,
    name: opener.name,
    async open(listener, signal): Promise<ByteLink> {
      let held = NOTHING_HELD;
      const link = await opener.open(
        {
          bytes(chunk, at) {
            const received = receive(held, chunk, scan, FRAME_MAX);
            held = received.held;
            for (const frame of received.frames) write(traceLine(frame, 'input', clock.now()));
            listener.bytes(chunk, at);
          },
          closed: (why) => listener.closed(why),
        },
        signal,
      );
      return {
        identity: link.identity,
        send(bytes) {
          for (const frame of receive(NOTHING_HELD, bytes, scan, FRAME_MAX).frames) {
            write(traceLine(frame, 'output', clock.now()));
          }
          return link.send(bytes);
        },
        setBaudRate: (baudRate) => link.setBaudRate(baudRate),
        close: () => link.close(),
      };
    },
  };
}

export function traceLine(frame: Frame, io: TraceDirection, at: Instant): string {
  const shown = isSecret(frame) ? { ...frame, data: frame.data.map(() => 0) } : frame;
  const seconds = Math.floor(at / 1000);
  return JSON.stringify({
    timeSec: String(seconds),
    timeNano: String((at - seconds * 1000) * 1_000_000).padStart(9, '0'),
    io,
    data: toHex(encode(shown))
      .toUpperCase()
      .replaceAll(/(..)(?=.)/g, '$1 '),
    osdpTraceVersion: '1',
    osdpSource: 'latchkey',
  });
}

/** A key is blanked even where it is encrypted: it may be so under the key that is printed in the standard. */
function isSecret({ from, code, security }: Frame): boolean {
  if (from === 'cp') return code === COMMAND.keyset;
  const isEncrypted = security?.type === SECURITY.replySealed;
  const tells = [REPLY.raw, REPLY.formatted, REPLY.keypad, REPLY.manufacturer] as const;
  return !isEncrypted && tells.some((each) => each === code);
}
