import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, simulatedSite } from '../site.ts';
import { Wire } from './cloud/wire.ts';

test('Home Assistant is shown every device of the site, and is told nothing that opens', async () => {
  const broker = new Wire();
  await using site = await simulatedSite({ seed: 31, homeAssistant: broker });
  await site.advance(minutes(1));
  const found = broker.published.filter(({ topic }) => topic.startsWith('homeassistant/device/'));
  const text = found.map(({ payload }) => Buffer.from(payload).toString()).join('\n');
  for (const device of ['box', 'fobs', 'keypad', 'slot-7'])
    assert.match(text, new RegExp(`"${device}"|_${device}|/${device}/`));
  assert.ok(found.every(({ retain }) => retain));
  assert.doesNotMatch(text, /command_topic|cmd_t|payload_open/);
});

test('without a broker of its own, Home Assistant is told nothing', async () => {
  const broker = new Wire();
  await using site = await simulatedSite({ seed: 32, broker });
  await site.advance(minutes(1));
  assert.deepEqual(
    broker.published.filter(({ topic }) => topic.startsWith('homeassistant/')),
    [],
  );
});
