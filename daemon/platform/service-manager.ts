/**
 * What the service manager is told: ready, stopping, still well (conventions 2.8). Node cannot open datagram sockets of
 * the Unix kind, so libsystemd is called; where neither is there, nothing is told and nothing fails.
 */

export interface ServiceManager {
  /** Nobody listens: not started by systemd, or without its library. */
  readonly isAbsent: boolean;
  /** How often `alive` must be called, at the longest; undefined: nobody watches. */
  readonly watchdogMs: number | undefined;
  ready(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  stopping(): void;
  alive(): void;
}

export interface ServiceEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

type Notify = (state: string) => void;

/** @param told called once with why, when systemd asked to be told but cannot be. */
export async function openServiceManager(
  environment: ServiceEnvironment,
  pid: number,
  told: (why: string) => void,
): Promise<ServiceManager> {
  const notify = environment.NOTIFY_SOCKET === undefined ? undefined : await systemdNotify(told);
  const say: Notify = notify ?? (() => undefined);
  return {
    isAbsent: notify === undefined,
    watchdogMs: notify === undefined ? undefined : watchdog(environment, pid),
    ready: () => say('READY=1'),
    status: (text) => say(`STATUS=${text.replaceAll('\n', ' ')}`),
    stopping: () => say('STOPPING=1'),
    alive: () => say('WATCHDOG=1'),
  };
}

/** A third of what systemd waits, so that two may be late. */
function watchdog({ WATCHDOG_USEC, WATCHDOG_PID }: ServiceEnvironment, pid: number) {
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== pid) return undefined;
  const microseconds = Number(WATCHDOG_USEC);
  if (!Number.isFinite(microseconds) || microseconds < 1) return undefined;
  return Math.floor(microseconds / 3000);
}

async function systemdNotify(told: (why: string) => void): Promise<Notify | undefined> {
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load('libsystemd.so.0');
    const sdNotify = library.func('int sd_notify(int unset_environment, const char *state)');
    return (state) => {
      const sent: unknown = sdNotify(0, state);
      if (typeof sent === 'number' && sent < 0) told(`sd_notify failed with ${-sent}`);
    };
  } catch (error) {
    // An optional package on an optional library: a service of Type=simple runs without both.
    told(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
