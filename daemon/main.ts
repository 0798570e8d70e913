#!/usr/bin/env node
// Read first: arguments here, the parts in `core.ts` and `wiring.ts`, what happens in `pipeline.ts`, the decision in `access/decide.ts`.
import { runAsked } from './cli/run-asked.ts';

const asked = runAsked(process.argv.slice(2));
if (asked === undefined) {
  const { execute } = await import('./cli/program.ts');
  await execute(process.argv);
} else {
  const { runDaemonAlone } = await import('./cli/daemon-process.ts');
  await runDaemonAlone(asked);
  // Nothing is left to do. Node's own tidying up was seen to turn without end after native work on ports and threads.
  process.once('beforeExit', () => process.exit());
}
