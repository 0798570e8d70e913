/** The desk at which devices come and go by command, where the config is one that can be read again. */
import type { RemoteDevices } from '../../config/remote-devices.ts';
import type { Config } from '../../config/schema.ts';
import type { SecretSource } from '../../config/secrets.ts';
import type { JsonObject } from '../access/entry.ts';
import { RemoteDeviceDesk } from '../remote/devices.ts';
import { deviceSecrets } from './device-secrets.ts';

export interface RemoteDeviceParts {
  /** The config read again with devices that came or went by command; without it, none can. @throws ConfigError */
  readonly reconfigured?: (remote: RemoteDevices) => Config;
  readonly secrets: SecretSource;
  readonly log: (event: string, fields: JsonObject) => void;
}

/** `run`: the site has the devices of this config from now on. */
export function remoteDevicesOf(
  read: Config,
  { reconfigured, secrets, log }: RemoteDeviceParts,
  run: (config: Config) => Promise<void>,
): RemoteDeviceDesk | undefined {
  if (reconfigured === undefined) return undefined;
  const desk = new RemoteDeviceDesk({
    directory: read.store.directory,
    read,
    reconfigured: (remote) => {
      const config = reconfigured(remote);
      deviceSecrets(config, secrets); // what a device needs is there, or it is a fault now
      return config;
    },
    run,
  });
  if (desk.ignored !== undefined) log('remote-devices-ignored', { why: desk.ignored.message });
  return desk;
}
