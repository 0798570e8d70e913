/** `npm run soak -- --hours N [--seed N]`: the packaged daemon on a whole simulated site in use; the report, and 1 where something grew. */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../../daemon/packaging/bundle.ts';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: { hours: { type: 'string', default: '1' }, seed: { type: 'string', default: '1' } },
});
const packed = resolve(import.meta.dirname, `../../dist/soak-${process.pid}`);
try {
  await bundle(packed);
  const report = await soak({
    hours: Number(values.hours),
    seed: Number(values.seed),
    daemon: [process.execPath, join(packed, 'main.mjs')],
    say: (line) => console.log(line),
  });
  console.log(JSON.stringify(report, undefined, 2));
  process.exitCode = report.faults.length === 0 ? 0 : 1;
} finally {
  rmSync(packed, { recursive: true, force: true });
}
