/** The machine's own time and chance: what is measured runs on them. */
import { realClock } from '../../daemon/platform/clock.ts';
import { realRandom } from '../../daemon/platform/random.ts';

export const clock = realClock();
export const random = realRandom();
