/**
 * A gateway and its link in a network of their own, which is cut and comes back. A card is shown meanwhile. Tells in one
 * line of JSON after how many milliseconds the link had gone, and what came through it.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { realClock } from '../../../daemon/platform/clock.ts';
import { tcpOpener } from '../../../daemon/platform/tcp-link.ts';
import { until } from '../../real-time.ts';

function network(state: 'up' | 'down'): void {
  execFileSync('ip', ['link', 'set', 'lo', state]);
}

network('up');
const gateway = createServer().listen(0, '127.0.0.1');
await once(gateway, 'listening');
const address = gateway.address();
if (address === null || typeof address === 'string') throw new TypeError('no port');
const accepted = once(gateway, 'connection');
const heard: string[] = [];
let end: string | undefined;
const clock = realClock();
await tcpOpener({ host: '127.0.0.1', port: address.port, clock }).open(
  {
    bytes: (bytes) => heard.push(new TextDecoder().decode(bytes)),
    closed: ({ message }) => {
      end = message;
    },
  },
  new AbortController().signal,
);
const [reader]: Socket[] = await accepted;
reader?.on('error', () => undefined); // it is reset, sooner or later
reader?.write('before\n');
await until(() => heard.length > 0);
network('down');
const cutAt = clock.uptime();
reader?.write('meanwhile\n');
await until(() => end !== undefined, 20_000);
const gone = Math.round(clock.uptime() - cutAt);
network('up');
// What it held is sent again by now, to a link that is no more.
await until(() => reader?.destroyed === true, 30_000);
process.stdout.write(JSON.stringify({ gone, heard }));
process.exit(0);
