/** `latchkey status`: the site at a glance. */
import type { Command } from 'commander';
import { z } from 'zod';
import type { DeviceReply } from '../local-api/devices.ts';
import type { StatusReply } from '../local-api/site.ts';
import { ApiClient, type ApiOptions, withApiOptions } from './api-client.ts';
import { EXIT } from './failure.ts';
import { ago, printJson, printLine, printTable, siteTime, styled } from './output.ts';

export function statusCommand(program: Command): void {
  withApiOptions(program.command('status'))
    .description('the site at a glance: clock, store, cloud, devices, keys')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ latchkey status\n  $ latchkey status --json | jq .devices\n\nExit status: 0 all is well, 1 something is not, or no daemon answers.',
    )
    .action(async (options: ApiOptions & { readonly json?: boolean }) => {
      const api = ApiClient.find(options);
      const status = await api.get('/api/v1/status', reply<StatusReply>());
      const { devices } = await api.get(
        '/api/v1/devices',
        reply<{ readonly devices: readonly DeviceReply[] }>(),
      );
      if (!isWell(status)) process.exitCode = EXIT.failed;
      if (options.json) printJson({ ...status, api: api.url, list: devices });
      else print(status, devices, api.url);
    });
}

/** Our own daemon's reply, whose shape its endpoint's test holds it to. */
export function reply<T extends object>(): z.ZodType<T> {
  return z.custom<T>((value) => typeof value === 'object' && value !== null);
}

function waiting({ kept, lost }: StatusReply['unstored']): string {
  return kept + lost === 0 ? '' : `, ${kept} entries wait in memory, ${lost} found no room`;
}

function isWell({ clock, storage, devices, cloud, vendors }: StatusReply): boolean {
  return (
    isKnown(clock.state) &&
    storage === 'ok' &&
    devices.online === devices.all &&
    cloud?.online !== false &&
    vendors.every(({ online }) => online)
  );
}

function isKnown(state: StatusReply['clock']['state']): boolean {
  return state === 'trusted' || state === 'holdover';
}

function width(errMs: number): string {
  return errMs < 1000 ? `${errMs} ms` : ago(errMs);
}

function print(status: StatusReply, devices: readonly DeviceReply[], url: string): void {
  const { clock, journal, keys, cloud } = status;
  const good = (isGood: boolean, text: string) => styled(isGood ? 'green' : 'red', text);
  const error = clock.errMs === null ? '' : `, ±${width(clock.errMs)}`;
  printLine(
    `${styled('bold', status.name)} (${status.site}), latchkey ${status.versions['latchkey'] ?? ''} at ${url}`,
  );
  printLine(
    `clock    ${good(isKnown(clock.state), clock.state)}${error}, ${siteTime(clock.at, status.zone)} ${status.zone}`,
  );
  printLine(
    `store    ${good(status.storage === 'ok', status.storage)}, ${status.grants} grants, journal at ${journal.lastSeq}${waiting(status.unstored)}`,
  );
  printLine(
    cloud === null
      ? 'cloud    none'
      : `cloud    ${good(cloud.online, cloud.online ? 'online' : 'away')}, ${cloud.broker}, ${cloud.outbox} entries to send`,
  );
  for (const { vendor, online, detail, drift } of status.vendors) {
    const differences = drift === 0 ? '' : `, ${styled('yellow', `${drift} differences`)}`;
    printLine(
      `${vendor.padEnd(8)} ${good(online, online ? 'online' : 'away')}${detail === '' ? '' : `, ${detail}`}${differences}`,
    );
  }
  printLine(
    `keys     ${keys.all}: ${keys.out} out, ${keys.overdue} overdue, ${keys.unknown} unknown`,
  );
  for (const { scope, id, since } of status.lockdowns) {
    printLine(styled('red', `lockdown of ${scope} since ${siteTime(since, status.zone)} (${id})`));
  }
  printLine();
  printTable(
    ['device', 'driver', 'seen', 'polls', 'retries', 'damaged', 'link', 'port'],
    devices.map(({ id, driver, link, online, detail, lastProofMs, port, statistics }) => [
      id,
      driver,
      lastProofMs === null ? '' : `${ago(lastProofMs)} ago`,
      String(statistics.polls),
      String(statistics.retries),
      String(statistics.checksumErrors),
      online ? 'up' : detail === '' ? link : `${link}: ${detail}`,
      port,
    ]),
  );
}
