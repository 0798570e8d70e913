/** Where devices that were changed from afar are kept. */
import { join } from 'node:path';

export function remoteDevicesFile(directory: string): string {
  return join(directory, 'devices.json');
}
