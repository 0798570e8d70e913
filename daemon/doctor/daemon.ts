/** The daemon itself: what it says of its own health, or whether its address is free for it. */
import { createServer } from 'node:net';
import { z } from 'zod';
import { splitHostAndPort } from '../../config/host-and-port.ts';
import { advice, codeOf, type Finding, fault, well } from './finding.ts';

const ANSWER_WITHIN = 5000;

const health = z.object({
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});

/** What its own checks are mended with. */
const REMEDIES: Readonly<Record<string, string>> = {
  storage: 'make room; latchkey journal verify',
  clock: 'timedatectl timesync-status',
  cloud: 'the network, and cloud.mqtt in the config',
};

/** @param access of the running daemon. */
export async function healthFindings(access: {
  readonly url: string;
  readonly token: string;
}): Promise<readonly Finding[]> {
  try {
    const answer = await fetch(`${access.url}/api/v1/health`, {
      headers: { authorization: `Bearer ${access.token}` },
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
    const { checks } = health.parse(await answer.json());
    const ill = checks.filter(({ ok }) => !ok);
    return [
      well(
        'api',
        `the daemon answers at ${access.url}: ${checks.length - ill.length} of its checks are well`,
      ),
      ...ill.map(({ name, detail }) => {
        // Decisions go on by the policy for such a clock; what the machine lacks for it is told beside.
        const tell = name === 'clock' ? advice : fault;
        return tell(
          'api',
          detail === '' ? name : `${name}: ${detail}`,
          REMEDIES[name] ?? 'latchkey status says more; journalctl -u latchkey says since when',
        );
      }),
    ];
  } catch (error) {
    const remedy = 'systemctl restart latchkey; journalctl -u latchkey says why';
    return [fault('api', `the daemon at ${access.url} does not answer: ${codeOf(error)}`, remedy)];
  }
}

/** @param listen HOST:PORT of the config. */
export function addressFinding(listen: string): Promise<Finding> {
  const { host, port } = splitHostAndPort(listen);
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      const remedy = 'another api.listen, or end the program that has it: ss -ltnp';
      resolve(fault('api', `${listen}: ${codeOf(error)}`, remedy));
    });
    server.listen(port, host, () =>
      server.close(() =>
        resolve(
          advice(
            'api',
            `no daemon runs here; ${listen} is free for it`,
            'systemctl start latchkey',
          ),
        ),
      ),
    );
  });
}
