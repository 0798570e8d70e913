/** Builds every part of the daemon and joins them; the only file that knows them all. Closes in the reverse order. */
import { basename } from 'node:path';
import type { RemoteDevices } from '../config/remote-devices.ts';
import type { Config } from '../config/schema.ts';
import {
  readSecret,
  readSecretKey,
  type SecretSource,
  secretReferences,
} from '../config/secrets.ts';
import { type Clock, type Instant, instant, type Random } from '../drivers/contract/time.ts';
import { drivers } from '../drivers/drivers.ts';
import type { JsonObject } from './access/entry.ts';
import type { RtcReading } from './access/hardware-clock.ts';
import type { SiteFacts } from './access/site-facts.ts';
import { resolveWindow } from './access/window.ts';
import { Actions } from './actions.ts';
import { ClockKeeper } from './clock-keeper.ts';
import type { Broker } from './cloud/broker.ts';
import type { BridgeIdentity } from './cloud/enrolment.ts';
import type { SiteReport } from './cloud/reported-state.ts';
import { topicsOf } from './cloud/topics.ts';
import { configuredKeys } from './configured-keys.ts';
import { SiteCredentialDesk } from './credential-desk.ts';
import { DeviceBoard } from './device-board.ts';
import { openDevices } from './devices/devices.ts';
import type { BusOpener } from './devices/supervisor.ts';
import { Inbox } from './inbox.ts';
import { KnownIdentities } from './known-identities.ts';
import { KnownLogEntries } from './known-log-entries.ts';
import { codeLocksOf, LockCodes } from './lock-codes.ts';
import { wiresOf } from './openers.ts';
import { type Happening, runPipeline } from './pipeline.ts';
import { overtaken } from './recheck.ts';
import { RemoteDeviceDesk } from './remote-devices.ts';
import { RemoteSettings } from './remote-settings.ts';
import { searchPlaces } from './search-places.ts';
import { changeSettings } from './settings-change.ts';
import { Site } from './site.ts';
import { TheDesk } from './site-desk.ts';
import { siteFactsOf } from './site-facts-of.ts';
import { startEntries, startRows } from './start-entries.ts';
import { storageEntries } from './storage-entries.ts';
import { type Copied, makeBackups, renewBackups } from './store/backups.ts';
import { livePointer, openGrantStore } from './store/grants-open.ts';
import { openJournal } from './store/journal-open.ts';
import type { JournalThread } from './store/journal-writer.ts';
import type { RunsJob } from './store/maintenance.ts';
import { StorageError } from './store/ports.ts';
import { storeSearch } from './store/search.ts';
import { UnitFence } from './store/unit.ts';
import { Updates } from './updates.ts';
import { runUpkeep } from './upkeep.ts';
import { Vault } from './vault.ts';
import type { HttpClient } from './vendors/http.ts';
import type { VendorPart } from './vendors/vendor.ts';
import { witnessed } from './vendors/witness.ts';
import { Watch, type WatchParts } from './watch.ts';

/** What a start of the daemon is given from outside; the real ones come from `platform/`. */
export interface Outside {
  readonly clock: Clock;
  readonly random: Random;
  readonly secrets: SecretSource;
  /** A line for the operator: fixed event name and fields, no secrets. */
  readonly log: (event: string, fields: JsonObject) => void;
  /** From which level on lines are written from now on. */
  readonly logLevel?: (level: Config['log']['level']) => void;
  /** By the name of the bus; or made anew for what the config has become. */
  readonly openers:
    | ReadonlyMap<string, BusOpener>
    | ((config: Config) => ReadonlyMap<string, BusOpener>);
  /** The config read again with devices that came or went by command; without it, none can. @throws ConfigError */
  readonly reconfigured?: (remote: RemoteDevices) => Config;
  /** The broker of the own cloud; `undefined` where the config names none. */
  readonly broker: Broker | undefined;
  /** The broker of Home Assistant; `undefined` where the config names none. */
  readonly homeAssistant?: Broker | undefined;
  /** How clouds of vendors are called. */
  readonly http: HttpClient;
  /** Names the system's last contact with a time server. */
  readonly lastTimeContact: () => number | undefined;
  /** What the clock with the battery says, where the machine has one. */
  readonly hardwareClock?: () => RtcReading | undefined;
  readonly versions: Readonly<Record<string, string>>;
  /** Folder that the package's updater watches; without it, updates are refused. */
  readonly updates?: string | undefined;
  /** The service manager that wants to hear that all is well. */
  readonly watchdog: Pick<WatchParts, 'alive' | 'every'>;
  /** When this version was made: it is later than that. */
  readonly builtAt: Instant;
  /** It ended too often in short time: vendors and Home Assistant are left out of this start. */
  readonly safeMode?: boolean;
  /** `false`: the store writes in this thread, so that a simulation can be run again as it was. Default true. */
  readonly storeThreads?: boolean;
  /** How whole files are checked and copied, if not in a thread of its own. */
  readonly storeJobs?: RunsJob;
  /** The thread that the journal will be written in, where it was started already. */
  readonly journalThread?: JournalThread;
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

/** Events that may wait for their answer; a site with more of them at once is being flooded. */
const INBOX_MOST = 4096;

/** @throws ConfigError for secrets and keys that are missing or wrong. @throws StorageError */
export async function wire(read: Config, outside: Outside): Promise<Daemon> {
  const { clock, random } = outside;
  const changed = { clock: () => {}, devices: async (_config: Config) => {} };
  const remoteDevices = remoteDevicesOf(read, outside, (config) => changed.devices(config));
  const config = remoteDevices?.config ?? read;
  const log: Outside['log'] = (event, fields) => {
    outside.log(event, fields);
    heard.log(event, fields);
  };
  const { directory } = config.store;
  const worker = outside.storeThreads ?? true;
  const storageFailed = (error: unknown) => log('storage-failed', { message: String(error) });
  await using parts = new AsyncDisposableStack();

  // What happened, and what time it is.
  const vault = new Vault(
    readSecretKey(config.secrets.pinPepper, 'secrets.pinPepper', outside.secrets),
    random,
  );
  const indexer = vault.indexer(config.site.id);
  const opened = await openJournal({
    ...{ directory, clock, random },
    worker: worker && (outside.journalThread ?? true),
    runJob: outside.storeJobs,
  });
  const journal = parts.use(opened.journal);
  const unit = await UnitFence.open(directory, random);
  if (unit.why !== undefined) throw new StorageError('fenced', fencedText(unit.why));
  const remote = new RemoteSettings(journal, (settings) =>
    outside.logLevel?.(settings['log.level'] ?? config.log.level),
  );
  const written = siteFactsOf(config, drivers);
  const facts: SiteFacts = {
    ...written,
    get policies() {
      return remote.narrowed(written.policies);
    },
  };
  const heard: { log: Outside['log'] } = { log: () => {} };
  const keeper = parts.use(
    new ClockKeeper({
      clock,
      journal,
      boot: Buffer.from(random.bytes(6)).toString('hex'),
      options: {
        get policy() {
          return facts.policies.clockUntrusted;
        },
        graceHours: written.policies.graceHours,
      },
      floors: [outside.builtAt],
      lastContact: outside.lastTimeContact,
      hardwareClock: outside.hardwareClock,
      changed: () => changed.clock(),
    }),
  );
  const stamp = () => keeper.stamp();

  // What we are told.
  const tzdata = process.versions['tz'] ?? 'unknown';
  const told = await openGrantStore({
    directory,
    clock,
    random,
    zone: config.site.zone,
    resolve: resolveWindow,
    tzdata,
    worker,
    runJob: outside.storeJobs,
    live: livePointer(journal, stamp),
    tombstones: journal,
    makeRoom: opened.makeRoom,
    marks: opened.highWater,
    held: () =>
      [...journal.ledger.all('key')].flatMap(([, { place }]) =>
        place.kind === 'holder' && place.grant !== undefined ? [place.grant] : [],
      ),
  });
  const grants = parts.use(told.grants);
  const search = parts.use(storeSearch(searchPlaces(directory, journal, grants)));

  // Who stands where, and what they stand before.
  const site = new Site({ facts, grants, journal, indexer, clock, stamp, tzdata });
  const inbox = new Inbox<Happening>(INBOX_MOST);
  let wires = wiresOf(config);
  const logs = new KnownLogEntries(journal, stamp, storageFailed);
  const identities = new KnownIdentities(journal, stamp, storageFailed);
  const devices = openDevices({
    ...wires,
    catalogue: drivers,
    openers: openersIn(outside, config),
    clock,
    random,
    secrets: deviceSecrets(config, outside.secrets),
    onEvent: (event) => {
      if (desk.takesCard(event) || logs.knows(event)) return;
      if (!inbox.put({ kind: 'device', event }))
        log('inbox-full', { device: event.device, event: event.kind });
    },
    beforeWire: ({ id }) => {
      const seq = /^a-(\d+)$/.exec(id)?.[1];
      const why = seq === undefined ? undefined : overtaken(Number(seq), journal.ledger, grants);
      if (why !== undefined) log('opening-withdrawn', { opening: Number(seq), why });
      return why === undefined && !unit.fenced.aborted;
    },
    knownIdentities: identities.all,
    identified: (bus, identity) => identities.remember(bus, identity),
    broken: (bus, error) => log('driver-broke', { bus, error: String(error) }),
  });
  const board = new DeviceBoard({
    devices: wires.devices,
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
  const locks = codeLocksOf(wires.devices);
  const credentials = new SiteCredentialDesk({
    vault,
    indexer,
    grants,
    clock,
    random,
    keypads: facts.keypads.size,
    onCrowded: (digits, ratio) => {
      const body = { digits, ratio, alarm: true };
      journal
        .append({ stamp: stamp(), entries: [{ type: 'grant.code_space_low', body }] })
        .committed.catch(storageFailed);
    },
    keepsDigits:
      locks.length > 0 || Object.values(config.vendors).some((vendor) => vendor !== undefined),
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
      : (await import('./own-cloud.ts')).ownCloud(config, mqtt, outside.secrets);
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
  changed.clock = retime;
  changed.devices = async (now) => {
    wires = wiresOf(now);
    const secrets = deviceSecrets(now, outside.secrets);
    board.rewire(wires.devices);
    await devices.rewire({ ...wires, openers: openersIn(outside, now), secrets });
    cloud?.deviceChanged();
    home?.devicesChanged();
  };
  heard.log = (event, fields) => cloud?.tell(event, fields);
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
      retime();
      for (const vendor of vendors) vendor.wake();
    },
    vendors: () => vendors.map(({ status }) => status),
    renewBackups: () => renewBackups(directory, opened, told, clock),
    stated: (at, error) => keeper.stated(at, error),
    adopt: (device) => {
      const bus = wires.devices.find(({ id }) => id === device)?.bus;
      if (bus !== undefined) devices.adopt(bus);
    },
  });

  const vendors: readonly VendorPart[] = Object.values(config.vendors).every(
    (vendor) => vendor === undefined,
  )
    ? []
    : (await import('./vendors-of.ts')).vendorsOf(config, {
        desk,
        http: witnessed(outside.http, clock, (at, roundTrip) => keeper.tlsDate(at, roundTrip)),
        toCallers: outside.http,
        secrets: outside.secrets,
        log,
      });

  unit.fenced.addEventListener('abort', () => {
    const body = { generation: unit.why?.generation ?? 0, alarm: true };
    log('fenced', body);
    journal
      .append({ stamp: stamp(), entries: [{ type: 'system.fenced', body }], keep: true })
      .committed.catch(storageFailed);
  });
  /** One after the other, beside the first decisions. */
  const lookAtFiles = async () => {
    const journalFaults = await opened.check();
    if (journalFaults.length > 0) log('journal-damaged', { faults: [...journalFaults] });
    const grantsFaults = await told.check();
    if (grantsFaults.length > 0) log('grants-damaged', { faults: [...grantsFaults] });
  };
  const owned = parts.move();
  return {
    desk,
    vendors,
    identity: own?.identity,
    fenced: unit.fenced,
    async run(until) {
      const signal = AbortSignal.any([until, unit.fenced]);
      signal.addEventListener('abort', () => updates.stop(), { once: true });
      const found = { ...opened, ...told, versions: outside.versions };
      journal
        .append({
          stamp: stamp(),
          entries: [
            ...startEntries(found),
            ...(outside.safeMode === true
              ? [{ type: 'system.safe_mode', body: { alarm: true } } as const]
              : []),
          ],
          rows: startRows(found),
        })
        .committed.catch(storageFailed);
      // Not in the midst of the commit that found it out; while nothing can be written, the log alone tells.
      const untold = journal.watchStorage((state, tale) => {
        log('storage', { state, ...journal.unstored });
        cloud?.stateChanged();
        const entries = storageEntries(state, tale);
        if (entries.length === 0) return;
        queueMicrotask(() => {
          journal.append({ stamp: stamp(), entries, keep: true }).committed.catch(storageFailed);
        });
      });
      const answering = runPipeline({
        inbox,
        site,
        journal,
        clock,
        actuate: (actuation) => devices.actuate(actuation),
        heard: (event) => {
          actions.hear(event);
          codes.hear(event);
          if (!board.hear(event)) return;
          cloud?.deviceChanged();
          home?.deviceChanged();
        },
        storageFailed,
      });
      // A site without vendors keeps what it is told, or refuses it.
      if (vendors.length > 0) {
        const { FidelityWatch } = await import('./vendors/fidelity-watch.ts');
        new FidelityWatch({
          desk,
          storageFailed,
          judges: () =>
            vendors.map((part) => ({
              vendor: part.status.vendor,
              fidelity: (grant) => part.fidelity(grant),
            })),
        }).follow(signal);
      }
      const keys = configuredKeys(config, facts, grants, journal.ledger, (text) =>
        credentials.indexFob(text),
      );
      if (keys.changes.length > 0) await grants.write({ source: 'local', changes: keys.changes });
      for (const place of keys.places) await actions.command(place, []).outcome;
      void lookAtFiles().catch(storageFailed);

      await Promise.all([
        devices.run(signal),
        cloud?.run(signal),
        home?.run(signal),
        watch.run(signal),
        ...vendors.map((vendor) => vendor.run(signal)),
        runUpkeep(
          {
            clock,
            journal,
            stamp,
            retentionDays: config.store.retentionDays,
            backUp: () => backUp(directory, opened, told, clock.now()),
            log,
          },
          signal,
        ),
      ]);
      journal
        .append({ stamp: stamp(), entries: [{ type: 'system.stopping', body: {} }] })
        .committed.catch(storageFailed);
      inbox.close();
      await answering;
      untold();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export function fencedText({ why, generation }: NonNullable<UnitFence['why']>): string {
  return why === 'handed-over'
    ? `this unit was handed over to unit ${generation} of the site, and must not act beside it`
    : `unit ${generation} of the site has taken over, and this one must not act beside it`;
}

function openersIn({ openers }: Outside, config: Config): ReadonlyMap<string, BusOpener> {
  return typeof openers === 'function' ? openers(config) : openers;
}

function remoteDevicesOf(
  read: Config,
  { reconfigured, secrets, log }: Outside,
  run: (config: Config) => Promise<void>,
): RemoteDeviceDesk | undefined {
  if (reconfigured === undefined) return undefined;
  const desk = new RemoteDeviceDesk({
    directory: read.store.directory,
    read,
    reconfigured: (remote) => {
      const config = reconfigured(remote);
      deviceSecrets(config, secrets); // what a device needs is there, or it is a fault now
      return config;
    },
    run,
  });
  if (desk.ignored !== undefined) log('remote-devices-ignored', { why: desk.ignored.message });
  return desk;
}

/** Secrets that devices name, by their reference. */
function deviceSecrets(config: Config, source: SecretSource): ReadonlyMap<string, Uint8Array> {
  return new Map(
    Object.entries(config.devices).flatMap(([id, { options }]) =>
      secretReferences(options, `devices.${id}`).map(
        ({ reference, path }) => [reference, readSecret(reference, path, source)] as const,
      ),
    ),
  );
}

/** What is said of them in the journal: their names, not where this machine keeps them. */
async function backUp(
  directory: string,
  journal: Copied,
  grants: Copied,
  at: Instant,
): Promise<JsonObject> {
  if (directory === ':memory:') return { files: [], refused: 'memory' };
  const made = await makeBackups(directory, { journal, grants }, at);
  return made.kind === 'made'
    ? { files: made.files.map((file) => basename(file)) }
    : { files: [], refused: made.kind, usedPercent: Math.round(made.used * 100) };
}
