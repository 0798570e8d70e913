/** OSDP commands, control panel to reader (SIA OSDP 2.2 clause 6): payloads <-> fields. Little-endian throughout. */

/** The code byte of each command. */
export const COMMAND = {
  poll: 0x60,
  id: 0x61,
  capabilities: 0x62,
  'local-status': 0x64,
  'input-status': 0x65,
  'output-status': 0x66,
  'reader-status': 0x67,
  output: 0x68,
  led: 0x69,
  buzzer: 0x6a,
  text: 0x6b,
  comset: 0x6e,
  keyset: 0x75,
  challenge: 0x76,
  cryptogram: 0x77,
  'receive-size': 0x7b,
  manufacturer: 0x80,
  abort: 0xa2,
  'keep-active': 0xa7,
} as const;

/** In the order of their codes from 0. `on-for` and `off-for` are timed by the reader itself; the others stay. */
const OUTPUT_CODES = [
  'nothing',
  'off',
  'on',
  'off-after-timer',
  'on-after-timer',
  'on-for',
  'off-for',
] as const;
export type OutputCode = (typeof OUTPUT_CODES)[number];

/** In the order of their codes from 0. */
export const COLOURS = [
  'off',
  'red',
  'green',
  'amber',
  'blue',
  'magenta',
  'cyan',
  'white',
] as const;
export type Colour = (typeof COLOURS)[number];

/** One output: number from 0, what to do, for how many tenths of a second. */
export interface OutputControl {
  readonly output: number;
  readonly code: OutputCode;
  readonly tenths: number;
}

/** A blinking pattern, times in tenths of a second; both times 0 in a part that is set are refused (NAK 9). */
export interface Blink {
  readonly on: number;
  readonly off: number;
  readonly onColour: Colour;
  readonly offColour: Colour;
}

export interface LedRecord {
  readonly reader: number;
  readonly led: number;
  /** A pattern for a time (tenths), the end of one, or nothing. */
  readonly temporary: (Blink & { readonly tenths: number }) | 'cancel' | undefined;
  readonly permanent: Blink | undefined;
}

export type Command =
  | {
      readonly kind:
        | 'poll'
        | 'id'
        | 'capabilities'
        | 'local-status'
        | 'input-status'
        | 'output-status'
        | 'reader-status'
        | 'abort';
    }
  | { readonly kind: 'output'; readonly controls: readonly OutputControl[] }
  | { readonly kind: 'led'; readonly records: readonly LedRecord[] }
  | {
      readonly kind: 'buzzer';
      readonly reader: number;
      /** 1 off, 2 the default tone. */
      readonly tone: number;
      readonly on: number;
      readonly off: number;
      /** 0 sounds until told otherwise. */
      readonly repeat: number;
    }
  | {
      readonly kind: 'text';
      readonly reader: number;
      /** 1, 2 permanent without and with wrap; 3, 4 for `seconds`. */
      readonly mode: number;
      readonly seconds: number;
      readonly row: number;
      readonly column: number;
      readonly text: string;
    }
  | { readonly kind: 'comset'; readonly address: number; readonly baudRate: number }
  | { readonly kind: 'keyset'; readonly key: Uint8Array }
  | { readonly kind: 'challenge'; readonly rndA: Uint8Array }
  | { readonly kind: 'cryptogram'; readonly cryptogram: Uint8Array }
  | { readonly kind: 'receive-size'; readonly size: number }
  | { readonly kind: 'manufacturer'; readonly oui: Uint8Array; readonly data: Uint8Array }
  | { readonly kind: 'keep-active'; readonly length: number };

export type CommandKind = Command['kind'];

/** A code with its payload, as it stands in a frame. */
export interface Body {
  readonly code: number;
  readonly data: Uint8Array;
}

export function encodeCommand(command: Command): Body {
  return { code: COMMAND[command.kind], data: Uint8Array.from(payload(command)) };
}

function payload(command: Command): readonly number[] {
  switch (command.kind) {
    case 'id':
    case 'capabilities':
      return [0];
    case 'poll':
    case 'local-status':
    case 'input-status':
    case 'output-status':
    case 'reader-status':
    case 'abort':
      return [];
    case 'output':
      return command.controls.flatMap(({ output, code, tenths }) => [
        output,
        OUTPUT_CODES.indexOf(code),
        ...word(tenths),
      ]);
    case 'led':
      return command.records.flatMap(ledBytes);
    case 'buzzer':
      return [command.reader, command.tone, command.on, command.off, command.repeat];
    case 'text': {
      const characters = [...command.text].map((each) => printable(each));
      const { reader, mode, seconds, row, column } = command;
      return [reader, mode, seconds, row, column, characters.length, ...characters];
    }
    case 'comset':
      return [command.address, ...word(command.baudRate), ...word(command.baudRate >>> 16)];
    case 'keyset':
      return [0x01, command.key.length, ...command.key];
    case 'challenge':
      return [...command.rndA];
    case 'cryptogram':
      return [...command.cryptogram];
    case 'receive-size':
      return word(command.size);
    case 'manufacturer':
      return [...command.oui, ...command.data];
    case 'keep-active':
      return word(command.length);
    default:
      return command satisfies never;
  }
}

function ledBytes({ reader, led, temporary, permanent }: LedRecord): number[] {
  const first =
    temporary === undefined || temporary === 'cancel'
      ? [temporary === 'cancel' ? 1 : 0, 0, 0, 0, 0, 0, 0]
      : [2, ...blinkBytes(temporary), ...word(temporary.tenths)];
  return [reader, led, ...first, ...(permanent ? [1, ...blinkBytes(permanent)] : [0, 0, 0, 0, 0])];
}

function blinkBytes({ on, off, onColour, offColour }: Blink): number[] {
  return [on, off, COLOURS.indexOf(onColour), COLOURS.indexOf(offColour)];
}

/** Displays know ASCII only; what they cannot show becomes a question mark. */
function printable(character: string): number {
  const code = character.codePointAt(0) ?? 0x3f;
  return code >= 0x20 && code < 0x7f ? code : 0x3f;
}

function word(value: number): [number, number] {
  return [value & 0xff, (value >>> 8) & 0xff];
}

const BY_CODE: ReadonlyMap<number, CommandKind> = new Map(
  Object.entries(COMMAND).flatMap(([kind, code]) => (isCommand(kind) ? [[code, kind]] : [])),
);

function isCommand(kind: string): kind is CommandKind {
  return kind in COMMAND;
}

/** As a reader understands it: `unknown` is answered with NAK 3, `length` with NAK 2, `record` with NAK 9. */
export type DecodedCommand = Command | { readonly kind: 'refused'; readonly why: RefusedWhy };
export type RefusedWhy = 'unknown' | 'length' | 'record';

export function decodeCommand({ code, data }: Body): DecodedCommand {
  const kind = BY_CODE.get(code);
  if (kind === undefined) return refused('unknown');
  const at = (index: number) => data[index] ?? 0;
  const word16 = (index: number) => at(index) | (at(index + 1) << 8);
  switch (kind) {
    case 'id':
    case 'capabilities':
      return data.length === 1 ? { kind } : refused('length');
    case 'poll':
    case 'local-status':
    case 'input-status':
    case 'output-status':
    case 'reader-status':
    case 'abort':
      return data.length === 0 ? { kind } : refused('length');
    case 'output':
      return decodeOutputs(data);
    case 'led':
      return decodeLeds(data);
    case 'buzzer':
      if (data.length !== 5) return refused('length');
      return { kind, reader: at(0), tone: at(1), on: at(2), off: at(3), repeat: at(4) };
    case 'text':
      if (data.length < 6 || data.length !== 6 + at(5)) return refused('length');
      return {
        kind,
        reader: at(0),
        mode: at(1),
        seconds: at(2),
        row: at(3),
        column: at(4),
        text: String.fromCharCode(...data.subarray(6)),
      };
    case 'comset':
      if (data.length !== 5) return refused('length');
      return { kind, address: at(0), baudRate: (word16(1) | (word16(3) << 16)) >>> 0 };
    case 'keyset':
      if (data.length !== 18) return refused('length');
      return at(0) === 1 && at(1) === 16 ? { kind, key: data.slice(2) } : refused('record');
    case 'challenge':
      return data.length === 8 ? { kind, rndA: data.slice() } : refused('length');
    case 'cryptogram':
      return data.length === 16 ? { kind, cryptogram: data.slice() } : refused('length');
    case 'receive-size':
      return data.length === 2 ? { kind, size: word16(0) } : refused('length');
    case 'manufacturer':
      return data.length < 3
        ? refused('length')
        : { kind, oui: data.slice(0, 3), data: data.slice(3) };
    case 'keep-active':
      return data.length === 2 ? { kind, length: word16(0) } : refused('length');
    default:
      return kind satisfies never;
  }
}

function decodeOutputs(data: Uint8Array): DecodedCommand {
  if (data.length === 0 || data.length % 4 !== 0) return refused('length');
  const controls: OutputControl[] = [];
  for (let at = 0; at < data.length; at += 4) {
    const [output = 0, number = 0, low = 0, high = 0] = data.subarray(at, at + 4);
    const code = OUTPUT_CODES[number];
    if (code === undefined) return refused('record');
    controls.push({ output, code, tenths: low | (high << 8) });
  }
  return { kind: 'output', controls };
}

function decodeLeds(data: Uint8Array): DecodedCommand {
  if (data.length === 0 || data.length % 14 !== 0) return refused('length');
  const records: LedRecord[] = [];
  for (let at = 0; at < data.length; at += 14) {
    const bytes = data.subarray(at, at + 14);
    const [reader = 0, led = 0, temporaryCode = 0] = bytes;
    const [low = 0, high = 0, permanentCode = 0] = bytes.subarray(7);
    const temporary = temporaryCode === 2 ? decodeBlink(bytes.subarray(3)) : undefined;
    const permanent = permanentCode === 1 ? decodeBlink(bytes.subarray(10)) : undefined;
    const isWrong =
      temporaryCode > 2 ||
      permanentCode > 1 ||
      (temporaryCode === 2 && temporary === undefined) ||
      (permanentCode === 1 && permanent === undefined);
    if (isWrong) return refused('record');
    records.push({
      reader,
      led,
      temporary: temporary
        ? { ...temporary, tenths: low | (high << 8) }
        : temporaryCode === 1
          ? 'cancel'
          : undefined,
      permanent,
    });
  }
  return { kind: 'led', records };
}

function decodeBlink([on = 0, off = 0, first = 0, second = 0]: Uint8Array): Blink | undefined {
  const [onColour, offColour] = [COLOURS[first], COLOURS[second]];
  if (onColour === undefined || offColour === undefined || on + off === 0) return undefined;
  return { on, off, onColour, offColour };
}

function refused(why: RefusedWhy): DecodedCommand {
  return { kind: 'refused', why };
}
