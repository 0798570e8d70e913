/** The daemon beside its doors: service manager, clouds, vendors, API. Loaded when the core answers already. */
import { parseConfig } from '../../config/load.ts';
import type { MqttAccess } from '../../config/online-schema.ts';
import type { Config } from '../../config/schema.ts';
import type { SecretSource } from '../../config/secrets.ts';
import type { Broker } from '../cloud/broker.ts';
import type { Core, CoreOutside } from '../core.ts';
import { UndiciClient } from '../platform/http-client.ts';
import type { LateLog } from '../platform/late-log.ts';
import { openServiceManager } from '../platform/service-manager.ts';
import type { ConfigCopy } from '../start/checked-config.ts';
import { keepChecked } from '../start/config-keeper.ts';
import { isAllowed } from '../vendors/webhook-target.ts';
import { type Outside, wire } from '../wiring.ts';

export interface RestParts {
  /** Of the config's file. */
  readonly text: string;
  readonly set: ReadonlyMap<string, string>;
  /** As it was read. */
  readonly read: Config;
  /** As it is run. */
  readonly config: Config;
  /** Without what this start leaves out. */
  readonly allowed: (config: Config) => Config;
  readonly outside: CoreOutside;
  /** Where it runs already; `undefined`: the config is not complete without what was changed from afar. */
  readonly core: Core | undefined;
  readonly log: LateLog;
  /** It is asked to stop; the service manager is told. */
  readonly stopping: AbortSignal;
  /** The same, or the start fails. */
  readonly until: AbortSignal;
  readonly fail: () => void;
  /** Of the checked config, for the next start. */
  readonly copy: ConfigCopy;
}

/** Resolves when it has stopped in good order. */
export async function runRest(parts: RestParts): Promise<{ readonly isFenced: boolean }> {
  const { text, set, config, allowed, outside, core, log, until } = parts;
  const { secrets } = outside;
  await log.load();
  const manager = await openServiceManager(process.env, process.pid, (why) =>
    log.warn('service-manager', { why }),
  );
  parts.stopping.addEventListener('abort', () => manager.stopping(), { once: true });
  await using http = new UndiciClient({ allows: isAllowed });
  const whole: Outside = {
    ...outside,
    reconfigured: (remote) => allowed(parseConfig(text, { variables: set, remote })),
    broker: await brokerAt(config.cloud?.mqtt, 'cloud.mqtt', secrets),
    homeAssistant: await brokerAt(config.homeAssistant, 'homeAssistant', secrets),
    http,
    watchdog: { alive: () => manager.alive(), every: manager.watchdogMs },
    updates: process.env['LATCHKEY_UPDATES'],
  };
  await using daemon = await wire(config, whole, core);
  const running = daemon.run(until);
  await using unfinished = new AsyncDisposableStack();
  unfinished.defer(async () => {
    parts.fail();
    await Promise.allSettled([running]); // a failure of its own was thrown below
  });
  const { serveApi } = await import('./api-server.ts');
  await using api = await serveApi({
    config,
    desk: daemon.desk,
    vendors: daemon.vendors,
    secrets,
    broken: (error, where) => log.error('api-broke', { where, error }),
  });
  log.info('started', {
    site: config.site.id,
    directory: config.store.directory,
    api: api.url,
  });
  manager.ready();
  keepChecked(parts.copy, parts.read);
  await running;
  return { isFenced: daemon.fenced.aborted };
}

/** What speaks MQTT is loaded where something is to be spoken to. */
async function brokerAt(
  access: MqttAccess | undefined,
  where: string,
  secrets: SecretSource,
): Promise<Broker | undefined> {
  if (access === undefined) return undefined;
  const { brokerOf } = await import('./broker-access.ts');
  return brokerOf(access, where, secrets);
}
