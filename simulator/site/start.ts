/** `npm start [-- --once] [--json] [--daemon COMMAND [--pace TIMES]]`: a whole simulated site, and the story it plays. */
import { parseArgs } from 'node:util';
import { realClock } from '../real-clock.ts';
import { type ApiAccess, BRIDGE, type DemoSite, openDemoSite } from './demo-site.ts';
import { SiteHands } from './site-hands.ts';
import { playStory } from './story.ts';
import { Timeline } from './timeline.ts';

const { values: options } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    directory: { type: 'string' },
    daemon: { type: 'string' },
    pace: { type: 'string', default: '1' },
  },
});

const clock = realClock();
const stopped = new Promise<void>((resolve) => {
  process.once('SIGTERM', () => resolve());
  process.once('SIGINT', () => resolve());
});
// With --json and no end, the only line on stdout is the one that says that all is up.
const print = (line: string) =>
  (options.json && !options.once ? process.stderr : process.stdout).write(`${line}\n`);
const timeline = new Timeline(
  clock,
  print,
  process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
);

await using site = await openDemoSite({
  clock,
  say: (text) => timeline.say('demo', text),
  ...(options.directory === undefined ? {} : { directory: options.directory }),
  ...(options.daemon === undefined ? {} : { daemon: options.daemon.split(' ') }),
});

if (options.once) {
  process.exitCode = await tell(site);
} else if (options.json) {
  process.stdout.write(`${JSON.stringify(readyLine(site))}\n`);
  await stopped;
} else {
  await Promise.race([tell(site), stopped]);
  invite(site);
  await stopped;
}

/** Plays the story; the exit status that says whether it went as told. */
async function tell({ cloud, line, simulator, api, dialects, vendors }: DemoSite): Promise<number> {
  timeline.title(
    'Harbour Street 12: a key box in a lobby, simulated down to the bytes on its wires',
  );
  await playStory({
    timeline,
    cloud,
    pace: Number(options.pace),
    hands: new SiteHands(simulator.hardware, clock),
    clock,
    line,
    lastSeq: () => lastSeq(api),
    keycafe: { cloud: vendors.keycafe, dialect: dialects.keycafe },
  });
  const { steps } = timeline;
  const ok = steps.every((step) => step.ok);
  const decisions = cloud.events.filter(
    ({ type }) => type === 'access.granted' || type === 'access.denied',
  ).length;
  timeline.text('');
  timeline.text(
    ok
      ? `All ${steps.length} steps happened as told: ${decisions} decisions, ${cloud.events.length} events in the cloud.`
      : `Not as told: ${steps
          .filter((step) => !step.ok)
          .map(({ name }) => name)
          .join(', ')}.`,
  );
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ ok, steps, decisions, events: cloud.events.length })}\n`,
    );
  }
  return ok ? 0 : 1;
}

function readyLine({ api, broker, simulator, directory, dialects, vendors }: DemoSite) {
  return {
    ready: true,
    api: api.url,
    broker: broker.url,
    simulator: simulator.url,
    token: api.token,
    bridgeId: BRIDGE,
    directory,
    dialects,
    clouds: vendors.urls,
  };
}

/** What can be tried by hand. */
function invite({ api, broker, simulator, directory, dialects, vendors }: DemoSite): void {
  for (const line of [
    '',
    'The site stays up until Ctrl-C. Try it by hand, in another shell:',
    '',
    `  panel        ${api.url}/     log in with the token ${api.token}`,
    `  bench top    ${simulator.url}/bench-top     doors, keys, fobs, keypads, and faults as switches`,
    `  local API    ${api.url}/api/v1/openapi.json     the same token`,
    `  broker       ${broker.url}     topics latchkey/1/${BRIDGE}/#`,
    `  hardware     ${simulator.url}/     lists what hands can do`,
    `  files        ${directory}     (log of the daemon: daemon.log)`,
    `  Keycafe      ${vendors.urls.keycafe}     simulated; Seam ${vendors.urls.seam}, IntServ ${vendors.urls.intserv}`,
    `  dialects     ${dialects.keycafe.url}     the same calls at the box itself, with the same credentials`,
    '',
    '  npx latchkey status',
    '  npx latchkey journal --follow',
    '  npx latchkey vendors status',
    '  npx latchkey cloud ping',
    '  npx latchkey cloud slot.open --dev box --slot 7',
    `  curl -u ${dialects.keycafe.username}:${dialects.keycafe.password} ${vendors.urls.keycafe}/access -H 'content-type: application/json' -d '{"name":"Eve","key":{"id":5007}}'`,
    `  curl -X POST ${simulator.url}/v1/devices/keypad/press -H 'content-type: application/json' -d '{"keys":"482913#"}'`,
    '',
  ]) {
    timeline.text(line);
  }
}

async function lastSeq({ url, token }: ApiAccess): Promise<number> {
  const answer = await fetch(`${url}/api/v1/status`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const status: { journal?: { lastSeq?: number } } = JSON.parse(await answer.text());
  return status.journal?.lastSeq ?? 0;
}
