/** The process that `untold.test.ts` has killed between the two files; it says where they lie. */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { VendorSync } from '../../../daemon/vendors/vendor-sync.ts';
import { simulatedSite } from '../../site.ts';
import { change, replaced } from './vendor-changes.ts';

const site = await simulatedSite({ seed: 91, at: '2026-03-02T09:00:00Z', onDisk: true });
const { desk } = site.daemon;
let isArmed = false;
const journal = replaced(desk.journal, {
  append: (batch) => {
    if (isArmed) process.kill(process.pid, 'SIGKILL');
    return desk.journal.append(batch);
  },
});
const sync = new VendorSync('keycafe', replaced(desk, { journal }));
await site.settling(sync.apply([change('first')], { by: 'keycafe' }));
writeSync(1, join(site.directory, 'store-0'));
isArmed = true;
await site.settling(
  sync.apply([{ id: 'first', revoke: true }, change('second')], {
    by: 'keycafe',
    entries: [{ type: 'grant.vendor_drift', body: { vendor: 'keycafe', what: 'known' } }],
  }),
);
