// Ends with 0 while the daemon can do its work: what `/readyz` says, at the address that the daemon wrote down.
import { readFileSync } from 'node:fs';

const [store = '/data/store'] = process.argv.slice(2);
const { url } = JSON.parse(readFileSync(`${store}/api.json`, 'utf8'));
const { ok } = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(4000) });
process.exitCode = ok ? 0 : 1;
