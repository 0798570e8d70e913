#!/usr/bin/env node
// Read first: arguments here, the parts in `wiring.ts`, what happens in `pipeline.ts`, the decision in `access/decide.ts`.
import { execute } from './cli/program.ts';

await execute(process.argv);
