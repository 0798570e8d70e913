/** Unlocks each lock once; where a contact tells of its door, that is opened and shut by hand meanwhile. */
import type { DeviceId } from '../../drivers/contract/device.ts';
import type { Millis } from '../../drivers/contract/time.ts';
import { changeFrom, type Sense } from './prove-contact.ts';
import type { Proof } from './sheet.ts';
import { goOn, note, seconds, type Work } from './work.ts';

/** Long enough to pull the door, short enough for any strike. */
const HOLD: Millis = 3000;

/** Which way the contact of its door is wired, where there is one. */
export async function proveLock(device: DeviceId, work: Work): Promise<Sense | undefined> {
  const { ask, field, signal } = work;
  goOn(work);
  if (!field.isUp(device)) {
    const seen = field.status(device)?.detail || 'it does not answer';
    note(work, { device, part: 'lock', result: 'not-tried', seen });
    ask.tell(`${device} lock: not tried, ${seen}`);
    return undefined;
  }
  const isReady = await ask.confirm(
    `${device} will be unlocked once, for ${seconds(HOLD)}. Stand at its door, shut. Begin?`,
    true,
  );
  if (!isReady) {
    note(work, {
      device,
      part: 'lock',
      result: 'not-tried',
      seen: 'the installer did not want it',
    });
    return undefined;
  }
  const before = field.isContactOpen(device);
  using listening = field.listen();
  const busy = ask.busy(`${device}: unlocking`);
  const outcome = await field.ask({ kind: 'unlock', device, hold: HOLD }, signal);
  // The device ends it by itself; a person who stops the run does not want to wait for that.
  if (signal.aborted && outcome.sent) {
    await field.ask({ kind: 'lock', device }, new AbortController().signal);
  }
  const said =
    outcome.detail === undefined ? outcome.result : `${outcome.result}: ${outcome.detail}`;
  const isDone = outcome.result === 'done';
  busy.done(`${device}: ${said}`, isDone);
  const end = (result: Proof['result'], seen: string) =>
    note(work, { device, part: 'lock', result, seen });
  if (!isDone) {
    end('failed', said);
    return undefined;
  }
  goOnAfter(end, work);
  const didLetGo = await ask.confirm(`Did the lock of ${device} let go?`, true);
  end(didLetGo ? 'proven' : 'failed', didLetGo ? `unlocked, ${said}` : 'it did not let go');
  return before === undefined || !didLetGo
    ? undefined
    : await proveDoor(device, before, listening, work);
}

function goOnAfter(end: (result: Proof['result'], seen: string) => void, work: Work): void {
  if (work.signal.aborted) end('proven', 'unlocked by the device, then stopped by the installer');
  goOn(work);
}

async function proveDoor(
  device: DeviceId,
  before: boolean,
  listening: ReturnType<Work['field']['listen']>,
  work: Work,
): Promise<Sense | undefined> {
  const { ask, patience } = work;
  const watched = { device, slot: undefined };
  const busy = ask.busy(`Open the door of ${device} and shut it again (${seconds(patience)})`);
  const end = (result: Proof['result'], seen: string, times: Partial<Proof> = {}) => {
    busy.done(`${device} door contact: ${result}, ${seen}`, result === 'proven');
    note(work, { device, part: 'contact', result, seen, ...times });
  };
  const opened = await changeFrom(before, watched, listening, patience, work);
  if (opened === undefined) {
    end('failed', `the contact stayed at "${before ? 'open' : 'shut'}"`);
    return undefined;
  }
  const shut = await changeFrom(opened.isOpen, watched, listening, patience, work);
  if (shut === undefined) {
    end('failed', 'it changed, and did not change back');
    return undefined;
  }
  const sense: Sense = before ? 'inverted' : 'as-configured';
  end('proven', sense === 'inverted' ? 'opened and shut, bit inverted' : 'opened and shut', {
    openMs: opened.afterMs,
    shutMs: shut.afterMs,
  });
  return sense;
}
