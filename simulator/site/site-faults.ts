/** What goes wrong around a whole site: the internet, the power of the box, its clock. */
import { numberIn, yesOrNo } from '../arguments.ts';
import type { SiteControl } from '../control.ts';
import type { TcpLine } from '../tcp-line.ts';
import type { DaemonProcess } from './daemon-process.ts';

const A_YEAR_MS = 366 * 86_400_000;
const on = { on: 'true or false' };

export function siteFaults(parts: {
  readonly line: TcpLine;
  readonly daemon: () => DaemonProcess | undefined;
}): SiteControl {
  const { line } = parts;
  return {
    look: () => ({
      hasInternet: line.isLaid,
      hasPower: parts.daemon()?.hasPower ?? false,
      clockShiftMs: parts.daemon()?.clockShift ?? 0,
    }),
    verbs: {
      internet: {
        what: 'cuts the line to the cloud, or mends it',
        arguments: on,
        run: (given) => (yesOrNo(given, 'on') ? line.mend() : line.cut()).then(() => null),
      },
      power: {
        what: 'takes the power of the box away at once, or gives it back',
        arguments: on,
        run(given) {
          parts.daemon()?.power(yesOrNo(given, 'on'));
          return null;
        },
      },
      clock: {
        what: 'sets the wall clock of the box wrong',
        arguments: { ms: 'milliseconds from the right time; 0 sets it right' },
        run(given) {
          const ms = numberIn(given, 'ms', { from: -A_YEAR_MS, to: A_YEAR_MS });
          parts.daemon()?.shiftClock(ms);
          return null;
        },
      },
    },
  };
}
