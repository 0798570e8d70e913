/** Everything that reads bytes or text from outside, as one function each that must take anything. */
import { cloudTargets } from './fuzz-cloud.ts';
import { driverTargets } from './fuzz-drivers.ts';
import { fileTargets } from './fuzz-files.ts';
import { httpTargets } from './fuzz-http.ts';
import { radioTargets } from './fuzz-radio.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { vendorSite } from './fuzz-vendors.ts';

export interface FuzzTargets extends AsyncDisposable {
  readonly all: readonly FuzzTarget[];
}

export async function fuzzTargets(): Promise<FuzzTargets> {
  const { site, targets } = await vendorSite();
  const http = await httpTargets(site);
  return {
    all: [
      ...(await driverTargets()),
      ...radioTargets(),
      ...(await fileTargets()),
      ...(await cloudTargets()),
      ...http.targets,
      ...targets,
    ],
    [Symbol.asyncDispose]: async () => {
      await http[Symbol.asyncDispose]();
      await site[Symbol.asyncDispose]();
    },
  };
}
