/** What is to be reached on wires: ports, gateways, radios. Where the daemon runs, it has them, and is asked instead. */
import { type Stats, statSync } from 'node:fs';
import { connect } from 'node:net';
import { busWay } from '../../config/bus-way.ts';
import { splitHostAndPort } from '../../config/host-and-port.ts';
import type { Config } from '../../config/schema.ts';
import { checkAdapter } from '../cli/ble-doctor.ts';
import { radioBackend } from '../platform/ble-backend.ts';
import { type Account, groupName, may } from './account.ts';
import { advice, codeOf, type Finding, fault, well } from './finding.ts';

const CONNECT_WITHIN = 3000;

export async function wireFindings(
  config: Config,
  account: Account,
  isRunning: boolean,
): Promise<readonly Finding[]> {
  const buses = Object.entries(config.buses);
  if (buses.length === 0) {
    const remedy = 'name wires and devices in the config; config/example.yaml shows how';
    return [advice('ports', 'nothing is connected', remedy)];
  }
  const found = await Promise.all(
    buses.map(async ([name, bus]): Promise<readonly Finding[]> => {
      const { way, to } = busWay(bus);
      switch (way) {
        case 'serial':
          return [port(name, to, account, 'ls -l /dev/serial/by-id shows names that stay')];
        case 'input':
          return [port(name, to, account, 'ls -l /dev/input/by-id shows names that stay', true)];
        case 'tcp':
          // Many gateways serve one client, and the daemon is it.
          return isRunning ? [] : [await gateway(name, to)];
        case 'ble':
          return radio(name, to, bus.via);
      }
    }),
  );
  return found.flat();
}

function port(bus: string, path: string, account: Account, where: string, reads = false): Finding {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    return fault('ports', `${bus}: ${path}: ${codeOf(error)}`, `plug it in; ${where}`);
  }
  if (!stats.isCharacterDevice()) {
    return fault('ports', `${bus}: ${path} is no device`, where);
  }
  if (may(account, stats, 'read') && (reads || may(account, stats, 'write'))) {
    return well('ports', `${bus}: ${path}, ${account.name} may use it`);
  }
  const group = groupName(stats.gid);
  const remedy =
    group === 'root'
      ? 'install 99-latchkey.rules, then udevadm trigger'
      : `usermod -aG ${group} ${account.name}, then start the daemon again`;
  return fault('ports', `${bus}: ${account.name} may not use ${path}`, remedy);
}

function gateway(bus: string, address: string): Promise<Finding> {
  const { host, port: number } = splitHostAndPort(address);
  const remedy = 'power and cable of the gateway, its address, and whether another client holds it';
  return new Promise((resolve) => {
    const socket = connect({ host, port: number, timeout: CONNECT_WITHIN });
    const end = (finding: Finding) => {
      socket.destroy();
      resolve(finding);
    };
    socket.once('connect', () => end(well('ports', `${bus}: ${address} answers`)));
    socket.once('timeout', () => end(fault('ports', `${bus}: ${address} is silent`, remedy)));
    socket.once('error', (error) =>
      end(fault('ports', `${bus}: ${address}: ${codeOf(error)}`, remedy)),
    );
  });
}

function radio(bus: string, adapter: string, via: 'bluez' | 'hci' | undefined): readonly Finding[] {
  return checkAdapter(radioBackend(adapter, via)).map(({ state, what, remedy = '' }) =>
    state === 'there'
      ? well('ports', `${bus}: ${what}`)
      : state === 'advice'
        ? advice('ports', `${bus}: ${what}`, remedy)
        : fault('ports', `${bus}: ${what}`, remedy),
  );
}
