/**
 * The radio process: one Bluetooth stack, and nothing that decides. The daemon forks it, asks it things by number,
 * and ends it when it hangs. It ends by itself when the daemon is gone.
 */
import process from 'node:process';
import { LinkError } from '../../../drivers/contract/errors.ts';
import type { RadioBackend, RadioCall, RadioEvent, RadioReply, RadioResult } from './messages.ts';
import { type RadioStack, type StackLink, type StackListener, stackError } from './stack.ts';

const links = new Map<number, StackLink>();
/** Connects under way that nobody waits for any more: one that succeeds late is closed at once. */
const abandoned = new Set<number>();
let stack: RadioStack | undefined;

function say(message: RadioReply | RadioEvent): void {
  if (process.connected) process.send?.(message);
}

const listener: StackListener = {
  heard: (advertisement) => say({ event: 'heard', advertisement }),
  adapterLost: (message) => say({ event: 'adapter-lost', message }),
};

/** Loads the one stack that is asked for. */
async function open(backend: RadioBackend): Promise<RadioStack> {
  if (backend.kind === 'bluez') {
    const { bluezStack } = await import('./bluez-stack.ts');
    return bluezStack(backend, listener);
  }
  const { nobleStack } = await import('./noble-stack.ts');
  return nobleStack(backend, listener);
}

function linkOf(number: number): StackLink {
  const link = links.get(number);
  if (link === undefined) throw new LinkError('closed', 'the link is closed');
  return link;
}

async function disconnect(number: number): Promise<void> {
  const link = links.get(number);
  links.delete(number);
  await link?.disconnect();
}

/** A terminal and systemd ask all processes at once to end, and the daemon still has to end what is under way here. */
function outliveSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => undefined);
  }
}

async function perform(call: RadioCall): Promise<RadioResult> {
  if (call.op === 'ping') return undefined;
  if (call.op === 'start') {
    stack?.stop();
    links.clear();
    stack = await open(call.backend);
    await stack.start();
    // noble ends the process on SIGINT: after it, so that ours is the last.
    outliveSignals();
    return undefined;
  }
  if (call.op === 'stop') {
    await Promise.race([
      Promise.allSettled([...links.keys()].map(disconnect)),
      new Promise((waited) => setTimeout(waited, 2000)),
    ]);
    stack?.stop();
    // After the answer has left.
    setImmediate(() => process.disconnect());
    return undefined;
  }
  if (stack === undefined) throw new LinkError('missing', 'the stack is not started');
  switch (call.op) {
    case 'scan':
      await stack.scan(call.on);
      return undefined;
    case 'connect': {
      const { link: number } = call;
      let why: string | undefined;
      try {
        const link = await stack.connect(call.address, call.addressType, {
          notified: (from, value) => say({ event: 'notified', link: number, from, value }),
          closed: (reason, message) => {
            why = message;
            links.delete(number);
            say({ event: 'closed', link: number, reason, message });
          },
        });
        // It may have ended before it was handed over.
        if (why !== undefined) throw new LinkError('failed', why);
        links.set(number, link);
        if (abandoned.has(number)) {
          await disconnect(number);
          throw new LinkError('closed', 'nobody waits for this link any more');
        }
        return { mtu: link.mtu };
      } finally {
        abandoned.delete(number);
      }
    }
    case 'cancel':
      abandoned.add(call.link);
      stack.cancelConnect(call.address);
      return undefined;
    case 'read':
      return { value: await linkOf(call.link).read(call.from) };
    case 'write':
      await linkOf(call.link).write(call.to, call.value, call.withResponse);
      return undefined;
    case 'subscribe':
      await linkOf(call.link).subscribe(call.to);
      return undefined;
    case 'disconnect':
      await disconnect(call.link);
      return undefined;
    default:
      throw new LinkError('failed', `no such operation: ${call satisfies never}`);
  }
}

process.on('message', (call: RadioCall) => {
  perform(call).then(
    (result) => say({ re: call.id, result }),
    (error: unknown) => {
      const { code, message } = stackError(error);
      say({ re: call.id, code, message });
    },
  );
});
outliveSignals();
process.on('disconnect', () => process.exit(0));
