/** How a life of the daemon ends. */
import type { Life } from './life.ts';
import { typesCode } from './people.ts';

export function killed(life: Life): void {
  life.say('killed');
  life.site.cut();
}

/** In the moment in which the next entry is on the disk, before anything that rests on it has moved. */
export async function killedAtCommit(life: Life): Promise<void> {
  life.say('killed with the next commit');
  const stop = life.site.daemon.desk.journal.follow(() => life.site.cut());
  await typesCode(life);
  await life.pass(3000);
  stop();
}

export async function stopped(life: Life): Promise<void> {
  life.say('stopped');
  await life.site.stop();
}
