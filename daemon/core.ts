/**
 * What a door needs, and nothing else: store, clock, rules, devices. It answers while the rest (`wiring.ts`: cloud,
 * vendors, API, people's desk) is still being loaded, and loads no schema, as its config was checked before.
 */
import type { Config } from '../config/schema.ts';
import { readSecretKey, type SecretSource } from '../config/secrets.ts';
import type { Actuation } from '../drivers/contract/device.ts';
import type { Clock, Instant, Random } from '../drivers/contract/time.ts';
import { drivers } from '../drivers/drivers.ts';
import type { JsonObject, Stamp } from './access/entry.ts';
import type { RtcReading } from './access/hardware-clock.ts';
import { doorId } from './access/ledger.ts';
import type { Indexer, SiteFacts } from './access/site-facts.ts';
import { resolveWindow } from './access/window.ts';
import { deviceSecrets } from './configured/device-secrets.ts';
import { type ConfiguredKeys, configuredKeys } from './configured/keys.ts';
import { type Wires, wiresOf } from './configured/openers.ts';
import { siteFactsOf } from './configured/site-facts-of.ts';
import { type CoreListener, Rest } from './core-listener.ts';
import { type Devices, openDevices } from './devices/devices.ts';
import type { BusOpener } from './devices/supervisor.ts';
import { Inbox } from './inbox.ts';
import { type Happening, runPipeline } from './pipeline.ts';
import { whyNot } from './recheck.ts';
import { RemoteSettings } from './remote/settings.ts';
import { indexFob } from './secrets/fob-index.ts';
import { Vault } from './secrets/vault.ts';
import { ClockKeeper } from './site/clock-keeper.ts';
import { KnownIdentities } from './site/known-identities.ts';
import { KnownLogEntries } from './site/known-log-entries.ts';
import { Site } from './site/site.ts';
import { startEntries, startRows } from './start/start-entries.ts';
import { livePointer, type OpenedGrants, openGrantStore } from './store/grants-open.ts';
import { type OpenedJournal, openJournal } from './store/journal-open.ts';
import type { RunsJob } from './store/maintenance.ts';
import { StorageError } from './store/ports.ts';
import { UnitFence } from './store/unit.ts';
import { storageEntries } from './upkeep/storage-entries.ts';

/** What the core is given from outside; the real ones come from `platform/`. */
export interface CoreOutside {
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
  /** Of the machine, as long as `clock.uptime()` counts; without it, each start is one. */
  readonly boot?: string;
  /** By the wall clock, the system's last contact with a time server. */
  readonly lastTimeContact: () => Instant | undefined;
  /** What the clock with the battery says, where the machine has one. */
  readonly hardwareClock?: () => RtcReading | undefined;
  readonly versions: Readonly<Record<string, string>>;
  /** When this version was made: it is later than that. */
  readonly builtAt: Instant;
  /** It ended too often in short time: vendors and Home Assistant are left out of this start. */
  readonly safeMode?: boolean;
  /** `false`: the store writes in this thread, so that a simulation can be run again as it was. Default true. */
  readonly storeThreads?: boolean;
  /** How whole files are checked and copied, if not in a thread of its own. */
  readonly storeJobs?: RunsJob;
}

export interface Core extends AsyncDisposable {
  readonly config: Config;
  readonly opened: OpenedJournal;
  readonly told: OpenedGrants;
  readonly unit: UnitFence;
  readonly vault: Vault;
  readonly indexer: Indexer;
  readonly remote: RemoteSettings;
  readonly facts: SiteFacts;
  readonly keeper: ClockKeeper;
  readonly site: Site;
  readonly inbox: Inbox<Happening>;
  readonly devices: Devices;
  /** As they are now. */
  readonly wires: Wires;
  /** What the config says of keys, and the store does not know yet: to be told before anybody asks for one. */
  configuredKeys(): ConfiguredKeys;
  /** Aborted: it ends by itself, since another unit of the site acts, or a new start can use the disk again. */
  readonly over: AbortSignal;
  stamp(): Stamp;
  log(event: string, fields: JsonObject): void;
  storageFailed(error: unknown): void;
  /** Takes back every opening that may not go to the wire any more and is not there yet, wherever it waits. */
  withdrawOvertaken(): void;
  /** The site has other devices from now on; resolves when they run. */
  rewire(config: Config): Promise<void>;
  listen(listener: CoreListener): void;
  /** What happens is answered from now on; called again, nothing more. */
  answer(): void;
  /** Answers, and keeps all buses open until the signal; resolves when they are closed. Called again, the same run. */
  run(signal: AbortSignal): Promise<void>;
  /** After `run`: the last entries are recorded and the last happenings answered. */
  end(): Promise<void>;
}

/** Events that may wait for their answer; a site with more of them at once is being flooded. */
export const INBOX_MOST = 4096;

/** @throws ConfigError for secrets and keys that are missing or wrong. @throws StorageError */
export async function openCore(config: Config, outside: CoreOutside): Promise<Core> {
  const { clock, random } = outside;
  const { directory } = config.store;
  const worker = outside.storeThreads ?? true;
  const tzdata = process.versions['tz'] ?? 'unknown';
  const rest = new Rest();
  const inbox = new Inbox<Happening>(INBOX_MOST);
  let answering: Answering | undefined;
  let running: Promise<void> | undefined;
  const log = (event: string, fields: JsonObject) => {
    outside.log(event, fields);
    rest.listener?.log(event, fields);
  };
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
    worker: worker && 'when-needed',
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
  const keeper = parts.use(
    new ClockKeeper({
      clock,
      journal,
      boot: outside.boot ?? Buffer.from(random.bytes(6)).toString('hex'),
      options: {
        get policy() {
          return facts.policies.clockUntrusted;
        },
        graceHours: written.policies.graceHours,
      },
      floors: [outside.builtAt],
      lastContact: outside.lastTimeContact,
      hardwareClock: outside.hardwareClock,
      changed: () => {
        if (answering === undefined) return;
        inbox.put({ kind: 'timer' });
        rest.listener?.clockChanged();
      },
    }),
  );
  const stamp = () => keeper.stamp();

  // What we are told.
  const told = await openGrantStore({
    directory,
    clock,
    random,
    zone: config.site.zone,
    zoneBefore: config.site.zoneBefore,
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

  // Who stands where, and what they stand before.
  const site = new Site({ facts, grants, journal, indexer, clock, stamp, tzdata });
  const logs = new KnownLogEntries(journal, stamp, storageFailed);
  const identities = new KnownIdentities(journal, stamp, storageFailed);
  const refusal = (actuation: Actuation) => whyNot(actuation, journal.ledger, grants);
  let wires = wiresOf(config);
  const devices = openDevices({
    ...wires,
    catalogue: drivers,
    openers: openersIn(outside, config),
    clock,
    random,
    wall: () => keeper.known(),
    isHeldOpen: (device) => journal.ledger.get('slot', doorId(device))?.fire === true,
    secrets: deviceSecrets(config, outside.secrets),
    onEvent: (event) => {
      if (rest.listener?.takesCard(event) || logs.knows(event)) return;
      if (!inbox.put({ kind: 'device', event }))
        log('inbox-full', { device: event.device, event: event.kind });
    },
    beforeWire: (actuation) => {
      const why = refusal(actuation);
      if (why !== undefined)
        log('opening-withdrawn', { opening: Number(actuation.id.slice(2)), why });
      return why === undefined && !unit.fenced.aborted;
    },
    knownIdentities: identities.all,
    identified: (bus, identity) => identities.remember(bus, identity),
    broken: (bus, error) => log('driver-broke', { bus, error: String(error) }),
  });

  const answer = (): Answering => {
    const found = { ...opened, ...told, versions: outside.versions };
    const safe = { type: 'system.safe_mode', body: { alarm: true } } as const;
    journal
      .append({
        stamp: stamp(),
        entries: [...startEntries(found), ...(outside.safeMode === true ? [safe] : [])],
        rows: startRows(found),
        keep: true,
      })
      .committed.catch(storageFailed);
    // Not in the midst of the commit that found it out; while nothing can be written, the log alone tells.
    const untold = journal.watchStorage((state, tale) => {
      log('storage', { state, ...journal.unstored });
      rest.listener?.storageChanged();
      const entries = storageEntries(state, tale);
      if (entries.length === 0) return;
      queueMicrotask(() => {
        journal.append({ stamp: stamp(), entries, keep: true }).committed.catch(storageFailed);
      });
    });
    const ended = runPipeline({
      ...{ inbox, site, journal, clock, storageFailed },
      actuate: (actuation) => devices.actuate(actuation),
      heard: (event) => rest.hear(event),
    });
    return { ended, untold };
  };
  const over = AbortSignal.any([unit.fenced, opened.renewal]);
  opened.renewal.addEventListener('abort', () => log('storage-renewed', { ...journal.unstored }));
  const owned = parts.move();
  return {
    ...{ config, opened, told, unit, vault, indexer, remote, facts, keeper, site, inbox, devices },
    get wires() {
      return wires;
    },
    configuredKeys: () =>
      configuredKeys(config, facts, grants, journal.ledger, (text) => indexFob(text, indexer)),
    over,
    stamp,
    log,
    storageFailed,
    withdrawOvertaken: () => devices.withdraw((actuation) => refusal(actuation) !== undefined),
    async rewire(now) {
      wires = wiresOf(now);
      const secrets = deviceSecrets(now, outside.secrets);
      await devices.rewire({ ...wires, openers: openersIn(outside, now), secrets });
    },
    listen: (listener) => rest.listen(listener),
    answer() {
      answering ??= answer();
    },
    run(signal) {
      answering ??= answer();
      running ??= devices.run(AbortSignal.any([signal, over]));
      return running;
    },
    async end() {
      journal
        .append({ stamp: stamp(), entries: [{ type: 'system.stopping', body: {} }] })
        .committed.catch(storageFailed);
      inbox.close();
      await answering?.ended;
      answering?.untold();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Answering {
  readonly ended: Promise<void>;
  readonly untold: () => void;
}

function fencedText({ why, generation }: NonNullable<UnitFence['why']>): string {
  return why === 'handed-over'
    ? `this unit was handed over to unit ${generation} of the site, and must not act beside it`
    : `unit ${generation} of the site has taken over, and this one must not act beside it`;
}

function openersIn({ openers }: CoreOutside, config: Config): ReadonlyMap<string, BusOpener> {
  return typeof openers === 'function' ? openers(config) : openers;
}
