/** The frame of each vendor's convergence: both sides are changed, cut and restarted as drawn, and agree at the end. */
import fc from 'fast-check';
import type { CloudFault, CloudServer } from '../../../simulator/clouds/common.ts';
import type { SimulatedSite } from '../../site.ts';

/** A site and a vendor's cloud. */
export interface TwoSides {
  readonly site: SimulatedSite;
  readonly cloud: { readonly server: CloudServer };
  /** Only the vendor's part of the daemon begins anew. */
  restart(): Promise<void>;
}

export interface Story<Step> {
  take(step: Step): Promise<void>;
  /** After each step and each round. */
  checkNotWider(): void;
  /** Something is still on its way. */
  readonly waits: boolean;
  checkAgreed(): void;
}

export const TROUBLE = fc.record({
  kind: fc.constantFrom('away' as const, 'back' as const, 'restart' as const),
});
export const WAIT = fc.record({
  kind: fc.constant('wait' as const),
  ms: fc.integer({ min: 10, max: 70_000 }),
});
export const FAULTS: readonly CloudFault[] = [
  { kind: 'cut' },
  { kind: 'half' },
  { kind: 'lost-answer' },
  { kind: 'status', status: 503 },
];
export const FAULT = fc.record({
  kind: fc.constant('fault' as const),
  fault: fc.constantFrom(...FAULTS),
});

export type CommonStep =
  | { readonly kind: 'away' | 'back' | 'restart' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'fault'; readonly fault: CloudFault };

export async function takeCommon(sides: TwoSides, step: CommonStep): Promise<void> {
  const { server } = sides.cloud;
  switch (step.kind) {
    case 'away':
    case 'back':
      server.isAway = step.kind === 'away';
      return;
    case 'restart':
      return sides.restart();
    case 'fault':
      server.fail(step.fault);
      return;
    case 'wait':
      return sides.site.advance(step.ms);
    default:
      step satisfies never;
  }
}

export interface Convergence<Step> {
  readonly step: fc.Arbitrary<Step>;
  /** Stories that are tried. */
  readonly runs: number;
  readonly begin: (seed: number) => Promise<Begun<Step>>;
}

export interface Begun<Step> extends AsyncDisposable {
  readonly story: Story<Step>;
  /** All that was broken is well again. */
  mend(): void;
  /** A reading and what it sets going. */
  round(): Promise<void>;
  /** Answers take real time and pauses are virtual, so how many rounds it takes hangs on the machine. */
  readonly rounds: { readonly least: number; readonly most: number };
}

export async function converges<Step>({ step, runs, begin }: Convergence<Step>): Promise<void> {
  const steps = fc.array(step, { minLength: 3, maxLength: 14 });
  const property = fc.asyncProperty(steps, fc.nat(1000), async (drawn, seed) => {
    await using begun = await begin(seed);
    const { story, rounds } = begun;
    for (const each of drawn) {
      await story.take(each);
      story.checkNotWider();
    }
    begun.mend();
    for (let round = 0; round < rounds.most && (round < rounds.least || story.waits); round += 1) {
      await begun.round();
      story.checkNotWider();
    }
    story.checkAgreed();
  });
  await fc.assert(property, { numRuns: runs });
}
