/** `latchkey vendors`: how far the clouds of vendors are in step, and what differs. */
import type { Command } from 'commander';
import type { DifferenceReply, FidelityReply, VendorStatusReply } from '../local-api/vendors.ts';
import { ApiClient, type ApiOptions, withApiOptions } from './api-client.ts';
import { EXIT } from './failure.ts';
import { ago, printJson, printLine, printTable, styled } from './output.ts';
import { reply } from './status.ts';

type Options = ApiOptions & { readonly json?: boolean };

export function vendorsCommand(program: Command): void {
  const vendors = program
    .command('vendors')
    .description('clouds of vendors: Keycafe, Seam, IntServ')
    .addHelpText(
      'after',
      '\nExamples:\n  $ latchkey vendors status\n  $ latchkey vendors diff keycafe\n  $ latchkey vendors fidelity\n  $ latchkey vendors stay person:3f2a\n\nExit status: 0 all is in step, 1 something is not.',
    );
  withApiOptions(vendors.command('status'))
    .description('whether each answers, and how old what was read there is')
    .option('--json', 'print JSON')
    .action((options: Options) => status(options));
  withApiOptions(vendors.command('diff'))
    .description('what a vendor and this site do not have in common')
    .argument('[vendor]', 'keycafe, seam or intserv')
    .option('--json', 'print JSON')
    .action((vendor: string | undefined, options: Options) => diff(vendor, options));
  withApiOptions(vendors.command('fidelity'))
    .description('grants that some place cannot keep exactly as they were asked for')
    .option('--json', 'print JSON')
    .action((options: Options) => fidelity(options));
  withApiOptions(vendors.command('stay'))
    .description('all that one holder may do here, and what each place can keep of it')
    .argument('<holder>', 'their id')
    .option('--json', 'print JSON')
    .action((holder: string, options: Options) => stay(holder, options));
}

async function status(options: Options): Promise<void> {
  const { vendors } = await ApiClient.find(options).get(
    '/api/v1/vendors',
    reply<{ readonly vendors: readonly VendorStatusReply[] }>(),
  );
  if (vendors.some(({ online, drift }) => !online || drift > 0)) process.exitCode = EXIT.failed;
  if (options.json) return printJson({ vendors });
  if (vendors.length === 0) return printLine('The config names no vendor.');
  printTable(
    ['vendor', 'link', 'last read', 'waiting', 'differs', 'why'],
    vendors.map(({ vendor, online, ageMs, pending, drift, detail }) => [
      vendor,
      styled(online ? 'green' : 'red', online ? 'online' : 'away'),
      ageMs === null ? 'never' : `${ago(ageMs)} ago`,
      String(pending),
      String(drift),
      detail,
    ]),
  );
}

async function diff(vendor: string | undefined, options: Options): Promise<void> {
  const query = vendor === undefined ? '' : `?vendor=${encodeURIComponent(vendor)}`;
  const { differences } = await ApiClient.find(options).get(
    `/api/v1/vendors/differences${query}`,
    reply<{ readonly differences: readonly DifferenceReply[] }>(),
  );
  if (differences.length > 0) process.exitCode = EXIT.failed;
  if (options.json) return printJson({ differences });
  if (differences.length === 0) return printLine(styled('green', 'Nothing differs.'));
  printTable(
    ['vendor', 'what', 'id', 'there', 'state', 'where', 'why'],
    differences.map(({ vendor: name, kind, id, ref, state, place, detail }) => [
      name,
      kind,
      id,
      ref ?? '',
      state,
      place ?? '',
      detail,
    ]),
  );
}

async function stay(holder: string, options: Options): Promise<void> {
  const found = await ApiClient.find(options).get(
    `/api/v1/holders/${encodeURIComponent(holder)}/stay`,
    reply<{ readonly grants: readonly FidelityReply[] }>(),
  );
  if (options.json) return printJson(found);
  if (found.grants.length === 0) return printLine(`${holder} may do nothing here.`);
  printFidelity(found.grants);
}

async function fidelity(options: Options): Promise<void> {
  const client = ApiClient.find(options);
  const grants: FidelityReply[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const query: string = after === '' ? '' : `?after=${encodeURIComponent(after)}`;
    const page = await client.get(
      `/api/v1/vendors/fidelity${query}`,
      reply<{ readonly grants: readonly FidelityReply[]; readonly next: string | null }>(),
    );
    grants.push(...page.grants);
    after = page.next;
  }
  const isCannot = ({ places }: FidelityReply) =>
    places.some(({ remarks }) => remarks.some(({ kind }) => kind === 'cannot'));
  if (grants.some(isCannot)) process.exitCode = EXIT.failed;
  if (options.json) return printJson({ grants });
  if (grants.length === 0)
    return printLine(styled('green', 'Every place keeps every grant exactly.'));
  printFidelity(grants);
}

function printFidelity(grants: readonly FidelityReply[]): void {
  for (const { grant, source, targets, places } of grants) {
    printLine(`${styled('bold', grant)}  from ${source}, for ${targets.join(', ')}`);
    for (const { place, remarks } of places) {
      const said = remarks.map(({ kind, text }) => `${kind}: ${text}`).join('; ');
      printLine(`  ${place.padEnd(8)} ${said === '' ? styled('green', 'exactly') : said}`);
    }
  }
}
