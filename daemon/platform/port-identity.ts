/**
 * Who a serial port is, apart from where it is plugged in: the name `/dev/ttyUSB0` goes to whichever adapter comes
 * first (serial-hardware 2.2), so a bus is known by what its adapter says of itself.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

export interface PortIdentityRoots {
  /** Where the kernel shows its devices; `/sys`. */
  readonly sys: string;
  /** Where udev names ports by what they are; `/dev/serial/by-id`. */
  readonly byId: string;
}

const SYSTEM_ROOTS: PortIdentityRoots = { sys: '/sys', byId: '/dev/serial/by-id' };

/** Links followed before a chain is taken for a loop, as the kernel does. */
const LINKS_MAX = 40;

/**
 * The best that can be said of the port at `path`, best first: USB vendor, product, serial number and interface; a
 * name in a `by-id` directory; vendor, product and USB socket of an adapter without a serial number; the path as
 * configured. The same device gives the same text after every re-plug.
 */
export function serialIdentity(path: string, roots = SYSTEM_ROOTS): string {
  const usb = usbIdentity(path, roots.sys);
  if (usb?.serial !== undefined) {
    return `usb:${usb.vendor}:${usb.product}:${usb.serial}:${usb.interface}`;
  }
  const named = byIdName(path, roots.byId);
  if (named !== undefined && usb === undefined) return `by-id:${named}`;
  if (usb !== undefined) return `usb:${usb.vendor}:${usb.product}@${usb.socket}`;
  return `path:${path}`;
}

/** The same for an input device (keyboard-wedge reader): its name in a `by-id` directory, else its path. */
export function inputIdentity(path: string, byId = '/dev/input/by-id'): string {
  const named = byIdName(path, byId);
  return named === undefined ? `path:${path}` : `by-id:${named}`;
}

interface UsbIdentity {
  readonly vendor: string;
  readonly product: string;
  readonly serial: string | undefined;
  readonly interface: string;
  /** Place in the tree of hubs, `1-1.4:1.0`. */
  readonly socket: string;
}

/** Walks up from the tty's device to the USB interface and on to the USB device that carries the numbers. */
function usbIdentity(path: string, sys: string): UsbIdentity | undefined {
  let place: string;
  try {
    place = realpathSync(join(sys, 'class/tty', basename(realpathSync(path)), 'device'));
  } catch {
    return undefined; // not a port the kernel lists: a pty, or no /sys at all
  }
  let interfaceNumber = '00';
  let socket = '';
  for (let level = 0; level < 6 && place.length > 1; level += 1, place = dirname(place)) {
    const number = line(join(place, 'bInterfaceNumber'));
    if (number !== undefined) {
      interfaceNumber = number;
      socket = basename(place);
    }
    const vendor = line(join(place, 'idVendor'));
    const product = line(join(place, 'idProduct'));
    if (vendor === undefined || product === undefined) continue;
    const serial = line(join(place, 'serial'));
    return { vendor, product, serial, interface: interfaceNumber, socket };
  }
  return undefined;
}

function byIdName(path: string, byId: string): string | undefined {
  let at = resolve(path);
  for (let link = 0; link < LINKS_MAX; link += 1) {
    if (basename(dirname(at)) === 'by-id') return basename(at);
    try {
      at = resolve(dirname(at), readlinkSync(at));
    } catch {
      break; // the end of the chain is no link
    }
  }
  try {
    const target = realpathSync(path);
    return readdirSync(byId)
      .sort()
      .find((name) => realpathSync(join(byId, name)) === target);
  } catch {
    return undefined; // no such directory: no USB serial port was ever here
  }
}

/**
 * An FTDI adapter waits 16 ms for more bytes before it hands a reply on, unless told otherwise, and forgets it on each
 * re-plug. Sets it to 1 ms and returns advice for the operator where that is not allowed.
 */
export function shortenLatency(
  path: string,
  sys = SYSTEM_ROOTS.sys,
  write: (file: string, text: string) => void = writeFileSync,
): string | undefined {
  let file: string;
  try {
    file = join(sys, 'bus/usb-serial/devices', basename(realpathSync(path)), 'latency_timer');
  } catch {
    return undefined;
  }
  const latency = Number(line(file));
  if (!(latency > 1)) return undefined; // no such timer, or short already
  try {
    write(file, '1');
    return undefined;
  } catch {
    return (
      `the adapter at ${path} holds replies back for ${latency} ms: install the udev rules, ` +
      `or write 1 to ${file}`
    );
  }
}

function line(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined; // most places in /sys have only some of the files
  }
}
