/** `latchkey cloud device.*` and `update.start`: what people for operations ask of a site, with an `ops-*` key. */
import type { Millis } from '../../drivers/contract/time.ts';
import {
  ask,
  type Common,
  jsonObject,
  only,
  told,
  withClient,
  within,
} from './cloud-connection.ts';
import type { Add } from './cloud-grant.ts';

interface AddFlags extends Common {
  readonly dev: string;
  readonly settings: Record<string, unknown>;
  readonly wire?: Record<string, unknown>;
}

/** As long as a site itself waits for its updater, and a minute. */
const UPDATE_WITHIN: Millis = 46 * 60_000;

export function addOperations(add: Add): void {
  add('device.add', 'add a device to a site that runs; it stands at no access point')
    .requiredOption('--dev <device>', 'name of the new device')
    .requiredOption(
      '--settings <json>',
      "as in the site's config: driver, bus, address …",
      jsonObject,
    )
    .option('--wire <json>', 'the bus that the settings name, where the site has none', jsonObject)
    .action((flags: AddFlags) => {
      const { dev, settings, wire } = flags;
      return ask(flags, 'device.add', { dev, settings, ...only({ wire }) });
    });
  add('device.remove', 'take away a device that no access point needs')
    .requiredOption('--dev <device>', "device, as in the site's config")
    .action((flags: Common & { dev: string }) => ask(flags, 'device.remove', { dev: flags.dev }));
  const update = add('update.start', 'have the site install a version of its package')
    .argument('<version>', "as the site's package sources name it, such as 1.2.0")
    .action((version: string, flags: Common) => start(flags, version));
  update.options.find(({ long }) => long === '--timeout')?.default(UPDATE_WITHIN);
  update.setOptionValueWithSource('timeout', UPDATE_WITHIN, 'default');
}

/** It takes minutes, and the site restarts in the middle of it: that it has begun is told, too. */
async function start(flags: Common, version: string): Promise<void> {
  await withClient(flags, async (client) => {
    const accepted = () => console.error('update.start: accepted, the site is at it');
    const options = { ...within(flags), accepted };
    told(flags, await client.send('update.start', { settings: { version } }, options));
  });
}
