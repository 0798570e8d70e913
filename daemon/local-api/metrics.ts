/** Prometheus: names end in their unit, labels are devices and words of ours, never a person. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint, Raw } from './endpoint.ts';
import { healthChecks } from './health.ts';
import { countKeys } from './site.ts';

const STORAGE = { ok: 0, low: 1, unsafe: 2 } as const;
const CLOCK = { trusted: 0, holdover: 1, floor: 2, broken: 3 } as const;
/** Counted since its link was opened. */
const WIRE = [
  ['polls', 'polls sent'],
  ['replies', 'replies that were whole'],
  ['retries', 'requests sent again'],
  ['timeouts', 'requests without reply'],
  ['checksumErrors', 'replies that were garbled'],
  ['noiseBytes', 'bytes that belong to no frame'],
  ['actuations', 'actuations put on the wire'],
] as const;

export function metricsEndpoint(desk: SiteDesk): Endpoint {
  const metrics = new Metrics(desk);
  return endpoint({
    method: 'GET',
    path: '/metrics',
    scope: 'read',
    summary: 'For Prometheus',
    contentType: 'text/plain',
    call: async () => new Raw(metrics.contentType, await metrics.text()),
  });
}

class Metrics {
  readonly #desk: SiteDesk;
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();
  /** Entries of each type, and of decisions each reason, since the start. */
  readonly #entries = new Map<string, number>();
  readonly #denials = new Map<string, number>();

  constructor(desk: SiteDesk) {
    this.#desk = desk;
    desk.journal.follow((entries) => {
      for (const { type, body } of entries) {
        this.#entries.set(type, (this.#entries.get(type) ?? 0) + 1);
        const { reason } = body;
        if (type !== 'access.denied' || typeof reason !== 'string') continue;
        this.#denials.set(reason, (this.#denials.get(reason) ?? 0) + 1);
      }
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything is known already: it is read when asked for, and nothing is counted twice. */
  async text(): Promise<string> {
    this.#registry.resetMetrics();
    const desk = this.#desk;
    const { journal, grants, about, clock } = desk;
    const { site } = about;
    const stamp = desk.stamp();
    this.#set('latchkey_info', 'what runs here', 1, { site, ...labelsOf(about.versions) });
    this.#set('latchkey_uptime_seconds', 'since the start', (clock.now() - about.startedAt) / 1000);
    this.#set('latchkey_storage_state', '0 ok, 1 low, 2 unsafe', STORAGE[desk.storage()]);
    const { kept, lost } = journal.unstored;
    this.#set('latchkey_unstored_entries', 'wait in memory for the disk', kept);
    this.#set('latchkey_unstored_lost_entries', 'found no room there, until it is well', lost);
    this.#set(
      'latchkey_clock_state',
      '0 trusted, 1 holdover, 2 floor, 3 broken',
      CLOCK[stamp.clock.state],
    );
    const { lo, hi } = stamp.clock;
    if (Number.isFinite(hi)) {
      this.#set(
        'latchkey_clock_error_seconds',
        'half the width of what it may be',
        (hi - lo) / 2000,
      );
    }
    for (const { name, ok } of healthChecks(desk)) {
      this.#set('latchkey_check_ok', '1 while a part of the daemon is well', ok ? 1 : 0, {
        check: name,
      });
    }
    for (const [type, count] of this.#entries) {
      this.#count('latchkey_entries_total', 'journaled since the start', count, { type });
    }
    for (const [reason, count] of this.#denials) {
      this.#count('latchkey_denials_total', 'refused since the start', count, { reason });
    }
    this.#set('latchkey_journal_last_seq', 'number of the newest entry', journal.lastSeq);
    this.#set(
      'latchkey_outbox_entries',
      'not acknowledged by the cloud',
      journal.lastSeq - journal.acknowledged,
    );
    this.#set('latchkey_grants', 'grants that are stored', grants.count());
    const keys = countKeys(desk);
    for (const place of ['all', 'out', 'overdue', 'unknown'] as const) {
      this.#set('latchkey_keys', 'keys by where they are', keys[place], { place });
    }
    this.#set('latchkey_lockdowns', 'in force', [...journal.ledger.all('lockdown')].length);
    this.#devices();
    const cloud = desk.cloud();
    if (cloud !== undefined) {
      this.#set('latchkey_cloud_online', '1 while the broker is there', cloud.online ? 1 : 0);
      const refused = 'not done since the start: unsigned, stale, not allowed';
      this.#count('latchkey_cloud_refused_commands_total', refused, cloud.refused);
    }
    for (const { vendor, online, drift, syncedAt } of desk.vendors()) {
      this.#set('latchkey_vendor_online', '1 while the vendor answers', online ? 1 : 0, { vendor });
      this.#set('latchkey_vendor_drift', 'differences to look at', drift, { vendor });
      if (syncedAt !== undefined) {
        const age = (clock.now() - syncedAt) / 1000;
        this.#set('latchkey_vendor_sync_age_seconds', 'since the last whole read', age, { vendor });
      }
    }
    const memory = process.memoryUsage();
    this.#set('latchkey_resident_memory_bytes', 'of the process', memory.rss);
    this.#set('latchkey_heap_used_bytes', 'of the process', memory.heapUsed);
    const { user, system } = process.cpuUsage();
    this.#count('latchkey_cpu_seconds_total', 'of the process', (user + system) / 1e6);
    return this.#registry.metrics();
  }

  #devices(): void {
    for (const {
      id: device,
      driver,
      online,
      queued,
      statistics,
      batteryPercent,
    } of this.#desk.devices()) {
      this.#set('latchkey_device_online', '1 while it answers', online ? 1 : 0, { device, driver });
      this.#set('latchkey_device_queued', 'actuations asked and not ended', queued, { device });
      if (batteryPercent !== undefined) {
        this.#set('latchkey_device_battery_ratio', 'as it says, 1 full', batteryPercent / 100, {
          device,
        });
      }
      for (const [what, help] of WIRE) {
        const name = `latchkey_device_${what.replaceAll(/[A-Z]/g, (sign) => `_${sign.toLowerCase()}`)}_total`;
        this.#count(name, `${help}, since its link was opened`, statistics[what], { device });
      }
    }
  }

  #count(name: string, help: string, value: number, labels: Record<string, string> = {}): void {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      const labelNames = Object.keys(labels);
      counter = new Counter({ name, help, labelNames, registers: [this.#registry] });
      this.#counters.set(name, counter);
    }
    counter.inc(labels, value);
  }

  #set(name: string, help: string, value: number, labels: Record<string, string> = {}): void {
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge({
        name,
        help,
        labelNames: Object.keys(labels),
        registers: [this.#registry],
      });
      this.#gauges.set(name, gauge);
    }
    gauge.set(labels, value);
  }
}

function labelsOf(versions: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(versions).map(([name, version]) => [
      name.replaceAll(/[^a-zA-Z0-9_]/g, '_'),
      version,
    ]),
  );
}
