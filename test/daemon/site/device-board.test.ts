import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceStateSchema } from '../../../daemon/cloud/messages.ts';
import { DeviceBoard } from '../../../daemon/site/device-board.ts';
import { catalogue } from '../../../drivers/catalogue.ts';
import { deviceId, NO_STATISTICS } from '../../../drivers/contract/device.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';

const BOX = deviceId('box');

test('the cloud is told how well the wire to a device works', () => {
  const board = new DeviceBoard({
    devices: [{ id: BOX, driver: 'kerong-cu16', bus: 'wire', options: { address: 0 } }],
    catalogue,
    ledger: { get: () => undefined, all: () => [] },
    online: () => new Set([BOX]),
    status: () => [
      {
        ...{ device: BOX, driver: 'kerong-cu16', bus: 'wire', port: '/dev/x', identity: 'usb:1' },
        ...{ link: 'up', detail: '', queued: 0, lastProof: 12.4 },
        statistics: { ...NO_STATISTICS, polls: 40, checksumErrors: 2, lastSeen: uptime(99) },
      },
    ],
  });
  const [state] = board.wire(instant(5)).map((each) => deviceStateSchema.parse(each));
  const { lastSeen: _seen, ...counts } = NO_STATISTICS;
  assert.deepEqual(state, {
    ...{ v: 1, ts: 5, dev: 'box', driver: 'kerong-cu16', link: 'up', proofAgeMs: 12, slots: {} },
    statistics: { ...counts, polls: 40, checksumErrors: 2 },
  });
});
