/** One fob and one code at each reader. What they were is neither printed nor kept: only of which kind and how long. */
import type { DeviceEvent, DeviceId } from '../../drivers/contract/device.ts';
import type { Proof } from './sheet.ts';
import { goOn, note, seconds, type Work } from './work.ts';

/** No code of a site is shorter; fewer digits mean keys that were lost, or taken for the end key. */
const SHORTEST = 4;

export interface ReaderToProve {
  readonly device: DeviceId;
  readonly cards: boolean;
  readonly codes: boolean;
  /** Parts that this reader lacks, although its driver could. */
  readonly without: ReadonlySet<'fob' | 'pin'>;
}

export async function proveReader(reader: ReaderToProve, work: Work): Promise<void> {
  const { device, cards, codes, without } = reader;
  const both = cards && codes && without.size === 0;
  const { ask } = work;
  for (const part of ['fob', 'pin'] as const) {
    goOn(work);
    if (part === 'fob' ? !cards : !codes) continue;
    const question = part === 'fob' ? `Does ${device} read fobs?` : `Has ${device} a keypad?`;
    if (without.has(part) || (both && !(await ask.confirm(question, true)))) {
      note(work, { device, part, result: 'not-fitted', seen: 'it has none' });
    } else await proveInput(device, part, work);
  }
}

async function proveInput(device: DeviceId, part: 'fob' | 'pin', work: Work): Promise<void> {
  const { field, ask, signal, patience } = work;
  const what =
    part === 'fob'
      ? `Hold a fob to ${device}`
      : `Type 1 2 3 4 5 6 7 8 9 0, or another code, at ${device}, with the key that ends it`;
  const first = field.status(device);
  if (first?.link !== 'up') {
    const seen = first?.detail || first?.link || 'the reader is not there';
    note(work, { device, part, result: 'not-tried', seen });
    ask.tell(`${device} ${part}: not tried, ${seen}`);
    return;
  }
  const before = first.statistics;
  using listening = field.listen();
  const busy = ask.busy(`${what} (${seconds(patience)})`);
  const wrong: string[] = [];
  const seen = await listening.until(
    ({ event }) => {
      if (event.device !== device) return undefined;
      const read = part === 'fob' ? cardIn(event) : codeIn(event);
      const fault = read === undefined ? faultIn(event) : undefined;
      if (fault !== undefined) {
        wrong.push(fault);
        busy.call(`${device}: ${fault}. ${what}`);
      }
      return read;
    },
    patience,
    signal,
  );
  const end = (result: Proof['result'], text: string) => {
    busy.done(`${device} ${part}: ${result}, ${text}`, result === 'proven');
    note(work, { device, part, result, seen: text });
  };
  if (seen !== undefined) {
    end('proven', wrong.length === 0 ? seen : `${seen}, after ${counted(wrong)}`);
    return;
  }
  const now = field.status(device);
  if (signal.aborted) end('not-tried', 'stopped by the installer');
  else if (wrong.length > 0) end('failed', counted(wrong));
  else if (now?.link !== 'up') end('failed', now?.detail || 'the reader is not there');
  else {
    const noise = now.statistics.noiseBytes - before.noiseBytes;
    const checks = now.statistics.checksumErrors - before.checksumErrors;
    const damaged = `${noise} bytes that are no frame, ${checks} wrong checks`;
    end('failed', noise + checks > 0 ? damaged : `nothing came in ${seconds(patience)}`);
  }
}

function cardIn(event: DeviceEvent): string | undefined {
  return event.kind === 'card-read' ? `${event.technology}, ${event.bitCount} bits` : undefined;
}

/** All keys once, in the order in which they lie; a shorter code is as far as the keypad takes it. */
const ALL_KEYS = '1234567890';

/** The known sequence proves every key; of any other code only the length is known, and told. */
function codeIn(event: DeviceEvent): string | undefined {
  if (event.kind !== 'code-entered' || event.digits.length < SHORTEST) return undefined;
  const length = `${event.digits.length} digits`;
  return event.digits === ALL_KEYS ? `${length}, every key as pressed` : length;
}

function faultIn(event: DeviceEvent): string | undefined {
  switch (event.kind) {
    case 'card-malformed':
      return `a card of ${event.bitCount} bits was refused: ${event.fault}`;
    case 'code-entered':
      return `a code of ${event.digits.length} digits came: too short`;
    case 'keypad':
      return event.notice === 'key' ? undefined : NOTICES[event.notice];
    case 'fault':
      return event.state === 'raised' ? `${event.fault}: ${event.detail}` : undefined;
    default:
      return undefined;
  }
}

const NOTICES = {
  cleared: 'a code was cleared',
  'timed-out': 'a code was not ended in time',
  overlong: 'a code was too long',
  fault: 'keys came that the keypad cannot have',
} as const;

/** Each once, with how often. */
function counted(texts: readonly string[]): string {
  return [...Map.groupBy(texts, (text) => text)]
    .map(([text, same]) => (same.length === 1 ? text : `${text} (${same.length} times)`))
    .join('; ');
}
