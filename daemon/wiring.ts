/** Joins the core to everything that is not needed at a door: clouds, vendors, people's desk. Closes in the reverse order. */
import type { RemoteDevices } from '../config/remote-devices.ts';
import type { Config } from '../config/schema.ts';
import { instant } from '../drivers/contract/time.ts';
import { drivers } from '../drivers/drivers.ts';
import type { Broker } from './cloud/broker.ts';
import type { BridgeIdentity } from './cloud/enrolment.ts';
import type { SiteReport } from './cloud/reported-state.ts';
import { topicsOf } from './cloud/topics.ts';
import { remoteDevicesOf } from './configured/remote-devices.ts';
import { type Core, type CoreOutside, INBOX_MOST, openCore } from './core.ts';
import { Actions } from './desk/actions.ts';
import { searchPlaces } from './desk/search-places.ts';
import { TheDesk } from './desk/site-desk.ts';
import { codeLocksOf, LockCodes } from './lock-codes/lock-codes.ts';
import { changeSettings } from './remote/settings-change.ts';
import { Updates } from './remote/updates.ts';
import { SiteCredentialDesk } from './secrets/credential-desk.ts';
import { DeviceBoard } from './site/device-board.ts';
import { renewBackups } from './store/backups.ts';
import { StorageError } from './store/ports.ts';
import { storeSearch } from './store/search.ts';
import { lookAtFiles, runUpkeep } from './upkeep/upkeep.ts';
import { Watch, type WatchParts } from './upkeep/watch.ts';
import type { HttpClient } from './vendors/http.ts';
import type { VendorPart } from './vendors/vendor.ts';
import { witnessed } from './vendors/witness.ts';

/** What a start of the daemon is given from outside; the real ones come from `platform/`. */
export interface Outside extends CoreOutside {
  /** The config read again with devices that came or went by command; without it, none can. @throws ConfigError */
  readonly reconfigured?: (remote: RemoteDevices) => Config;
  /** The broker of the own cloud; `undefined` where the config names none. */
  readonly broker: Broker | undefined;
  /** The broker of Home Assistant; `undefined` where the config names none. */
  readonly homeAssistant?: Broker | undefined;
  /** How clouds of vendors are called. */
  readonly http: HttpClient;
  /** Folder that the package's updater watches; without it, updates are refused. */
  readonly updates?: string | undefined;
  /** The service manager that wants to hear that all is well. */
  readonly watchdog: Pick<WatchParts, 'alive' | 'every'>;
}

export interface Daemon extends AsyncDisposable {
  readonly desk: TheDesk;
  /** Clouds of vendors that the config names. */
  readonly vendors: readonly VendorPart[];
  /** The keys of this box, as its cloud must know them. */
  readonly identity: BridgeIdentity | undefined;
  /** Aborted: a later unit of the site acts, and this one stops by itself. */
  readonly fenced: AbortSignal;
  /** Runs until the signal, or until it is fenced, then ends what is under way. Disposing closes the rest. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * `early`: the core where it answers already, which stays its maker's to close.
 * @throws ConfigError for secrets and keys that are missing or wrong. @throws StorageError
 */
export async function wire(read: Config, outside: Outside, early?: Core): Promise<Daemon> {
  const { clock, random } = outside;
  await using parts = new AsyncDisposableStack();
  const remoteDevices = remoteDevicesOf(read, outside, (config) => changed.devices(config));
  const config = remoteDevices?.config ?? read;
  const core = early ?? parts.use(await openCore(config, outside));
  const { opened, told, unit, vault, indexer, remote, facts, keeper, site, inbox, devices } = core;
  const { log, storageFailed, stamp } = core;
  const { directory } = config.store;
  const { journal } = opened;
  const { grants } = told;
  const search = parts.use(storeSearch(searchPlaces(directory, journal, grants)));
  const board = new DeviceBoard({
    devices: core.wires.devices,
    catalogue: drivers,
    ledger: journal.ledger,
    online: () => site.online,
    status: () => devices.status(),
  });

  // Who may ask, and how.
  const updates = new Updates({
    directory: outside.updates,
    version: outside.versions['latchkey'] ?? '',
    ...{ clock, journal, stamp },
  });
  const actions = new Actions({
    inbox,
    journal,
    site,
    clock,
    actuate: (actuation) => devices.actuate(actuation),
    withdraw: (which) => devices.withdraw(which),
    withdrawOvertaken: () => core.withdrawOvertaken(),
    hasDevice: (device) => devices.has(device),
    codesOf: (grant) => {
      const still = codes.stillAt(grants.grant(grant)?.grant, grant);
      return facts.accessPoints
        .flatMap(({ box, locks }) => [...(box === undefined ? [] : [box.device]), ...locks])
        .map((device) => ({ device, state: still.includes(device) ? 'pending' : 'dead' }));
    },
    signedTime: (at, error) => keeper.signedTime(instant(at), error),
    configure: (version, set) => changeSettings(remote, version, set),
    remoteDevices,
    updates,
    diagnostics: () => ({
      inbox: inbox.length,
      refused: inbox.refused,
      storage: journal.storage,
      unstored: { ...journal.unstored },
      versions: { ...outside.versions },
      devices: devices
        .status()
        .map(({ device, link, detail, queued }) => ({ device, link, detail, queued })),
    }),
  });
  const locks = codeLocksOf(core.wires.devices);
  const hasVendors = Object.values(config.vendors).some((vendor) => vendor !== undefined);
  const credentials = new SiteCredentialDesk({
    vault,
    indexer,
    grants,
    ledger: journal.ledger,
    clock,
    random,
    pinDigits: config.site.policies.pinDigits,
    keypads: facts.keypads.size,
    onCrowded: (digits, ratio) => {
      const body = { digits, ratio, alarm: true };
      journal
        .append({ stamp: stamp(), entries: [{ type: 'grant.code_space_low', body }] })
        .committed.catch(storageFailed);
    },
    keepsDigits: locks.length > 0 || hasVendors,
  });
  const codes: LockCodes = parts.use(
    new LockCodes({
      locks,
      facts,
      grants,
      journal,
      desk: credentials,
      clock,
      random,
      stamp,
      actuate: (actuation) => devices.actuate(actuation),
      storageFailed,
    }),
  );
  const report: SiteReport = {
    site: config.site.id,
    versions: outside.versions,
    devices: () => board.wire(clock.now()),
  };
  const mqtt = config.cloud?.mqtt;
  // What speaks to clouds is loaded where the config names one: elsewhere no door waits for it.
  const own =
    mqtt === undefined
      ? undefined
      : (await import('./configured/own-cloud.ts')).ownCloud(config, mqtt, outside.secrets);
  const cloud =
    own === undefined || outside.broker === undefined
      ? undefined
      : parts.use(
          own.link(outside.broker, {
            journal,
            grants,
            site: actions,
            desk: credentials,
            report,
            stamp,
            unit: { claim: unit.claim, met: (other) => unit.meet(other) },
            clock,
            random,
            log,
            grantsChanged: () => desk.grantsChanged(),
            accessLevels: facts.policies.accessLevels,
          }),
        );
  const home =
    outside.homeAssistant === undefined
      ? undefined
      : new (await import('./cloud/home-assistant.ts')).HomeAssistant({
          broker: outside.homeAssistant,
          topics: topicsOf(mqtt?.root ?? 'latchkey', facts.bridge.slice(0, 32)),
          prefix: config.homeAssistant?.prefix ?? 'homeassistant',
          journal,
          report,
          stamp,
          clock,
          random,
          log,
        });
  const retime = () => {
    inbox.put({ kind: 'timer' });
    cloud?.stateChanged();
  };
  const changed = {
    async devices(now: Config) {
      const applied = core.rewire(now);
      board.rewire(core.wires.devices);
      await applied;
      cloud?.deviceChanged();
      home?.devicesChanged();
    },
  };
  const watch = new Watch({
    clock,
    probe: () => journal.probe(),
    isStoreDead: () => journal.isDead,
    // Locks on the air sleep between two talks, and their stack has a ladder of its own.
    beats: () =>
      devices
        .status()
        .filter(
          ({ bus, link, statistics }) =>
            link === 'up' && statistics.polls > 0 && config.buses[bus]?.ble === undefined,
        )
        .map(({ device, lastProof }) => ({ name: device, silent: lastProof ?? 0 })),
    ...outside.watchdog,
    alarm: (why) => log('not-well', { why }),
  });
  const desk: TheDesk = new TheDesk({
    config,
    clock,
    random,
    journal,
    grants,
    search,
    site,
    actions,
    credentials,
    board,
    cloud,
    versions: outside.versions,
    startedAt: clock.now(),
    health: () => [
      ...watch.checks(),
      ...(outside.safeMode === true
        ? [{ name: 'safe-mode', ok: false, detail: 'it ended 5 times in 10 minutes: see the log' }]
        : []),
      {
        name: 'inbox',
        ok: inbox.length < INBOX_MOST / 2,
        detail: `${inbox.length} waiting, ${inbox.refused} refused`,
      },
    ],
    grantsChanged: () => {
      core.withdrawOvertaken();
      retime();
      for (const vendor of vendors?.parts ?? []) vendor.wake();
    },
    vendors: () => vendors?.parts.map(({ status }) => status) ?? [],
    renewBackups: () => renewBackups(directory, opened, told, clock),
    stated: (at, error) => keeper.stated(at, error),
    adopt: (device) => {
      const bus = core.wires.devices.find(({ id }) => id === device)?.bus;
      if (bus !== undefined) devices.adopt(bus);
    },
  });

  const vendors = hasVendors
    ? (await import('./configured/vendors.ts')).vendorsOf(config, {
        desk,
        http: witnessed(outside.http, clock, (at, roundTrip) => keeper.tlsDate(at, roundTrip)),
        toCallers: outside.http,
        secrets: outside.secrets,
        log,
        storageFailed,
      })
    : undefined;

  unit.fenced.addEventListener('abort', () => {
    const body = { generation: unit.why?.generation ?? 0, alarm: true };
    log('fenced', body);
    journal
      .append({ stamp: stamp(), entries: [{ type: 'system.fenced', body }], keep: true })
      .committed.catch(storageFailed);
  });
  core.listen({
    heard: (event) => {
      actions.hear(event);
      codes.hear(event);
      if (!board.hear(event)) return;
      cloud?.deviceChanged();
      home?.deviceChanged();
    },
    takesCard: (event) => desk.takesCard(event),
    clockChanged: () => cloud?.stateChanged(),
    storageChanged: () => cloud?.stateChanged(),
    log: (event, fields) => cloud?.tell(event, fields),
  });
  const owned = parts.move();
  return {
    desk,
    vendors: vendors?.parts ?? [],
    identity: own?.identity,
    fenced: unit.fenced,
    async run(until) {
      const signal = AbortSignal.any([until, core.over]);
      signal.addEventListener('abort', () => updates.stop(), { once: true });
      core.answer();
      vendors?.tellFidelity(signal);
      const keys = core.configuredKeys();
      try {
        if (keys.changes.length > 0) await grants.write({ source: 'local', changes: keys.changes });
        for (const place of keys.places) await actions.command(place, []).outcome;
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        storageFailed(error); // told at the next start, when the disk is well
      }
      void lookAtFiles({ opened, told, log }).catch(storageFailed);

      await Promise.all([
        core.run(signal),
        cloud?.run(signal),
        home?.run(signal),
        watch.run(signal),
        vendors?.run(signal),
        runUpkeep(
          {
            clock,
            journal,
            stamp,
            retentionDays: config.store.retentionDays,
            directory,
            opened,
            told,
            log,
          },
          signal,
        ),
      ]);
      await core.end();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
