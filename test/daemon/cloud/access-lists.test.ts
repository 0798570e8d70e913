import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { topicsOf } from '../../../daemon/cloud/topics.ts';
import { BRIDGE } from './bridge.ts';

/** The lists for brokers that cannot be run here: held against the topics that a bridge uses. */
const read = (name: string) =>
  readFileSync(resolve(import.meta.dirname, '../../../config', name), 'utf8');

const topics = topicsOf('latchkey', BRIDGE);
const said = [
  [topics.reply('cc'), false],
  [topics.events('access'), false],
  [topics.status, true],
  [topics.state, true],
  [topics.device('box'), true],
  [topics.unit, true],
] as const;
const foreign = topicsOf('latchkey', 'kb-000002');

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

test('the AWS policy allows what a bridge does, below its own name and nowhere else', () => {
  const { Statement: statements } = JSON.parse(read('aws-iot-policy.json')) as {
    Statement: readonly Statement[];
  };
  const allows = (action: string, kind: string, name: string) =>
    statements
      .filter((each) => [each.Action].flat().includes(action))
      .flatMap(({ Resource }) => [Resource].flat())
      .some((resource) => {
        const own = resource
          .replace('arn:aws:iot:${'.concat('AWS::Region}:${', 'AWS::AccountId}:'), '')
          .replace('${'.concat('iot:Connection.Thing.ThingName}'), BRIDGE);
        const pattern = own.replaceAll('+', '\\+').replaceAll('*', '.*');
        return new RegExp(`^${pattern}$`).test(`${kind}/${name}`);
      });
  assert.ok(allows('iot:Connect', 'client', BRIDGE));
  assert.ok(!allows('iot:Connect', 'client', foreign.bridge));
  for (const filter of topics.down)
    assert.ok(allows('iot:Subscribe', 'topicfilter', filter), filter);
  for (const filter of [...foreign.down, 'latchkey/1/+/cmd/+', '#']) {
    assert.ok(!allows('iot:Subscribe', 'topicfilter', filter), filter);
  }
  for (const [topic, retained] of said) {
    assert.ok(allows('iot:Publish', 'topic', topic), topic);
    assert.equal(allows('iot:RetainPublish', 'topic', topic), retained, topic);
  }
  for (const topic of [
    foreign.state,
    foreign.events('access'),
    topics.command('unlock'),
    foreign.command('unlock'),
  ]) {
    assert.ok(!allows('iot:Publish', 'topic', topic), topic);
  }
  assert.ok(allows('iot:Receive', 'topic', topics.command('unlock')));
  assert.ok(allows('iot:Subscribe', 'topicfilter', topics.unit));
  assert.ok(allows('iot:Receive', 'topic', topics.unit));
  assert.ok(!allows('iot:Receive', 'topic', foreign.command('unlock')));
});

test('the EMQX list names the topics of a bridge under its own user name, and ends in a refusal', () => {
  const text = read('emqx-acl.conf')
    .split('\n')
    .filter((line) => !line.startsWith('%%'))
    .join('\n');
  const bridges = text.slice(0, text.indexOf('"cloud"'));
  const named = [...bridges.matchAll(/"(latchkey[^"]+)"/g)].map(([, topic = '']) => topic);
  const own = named.map((topic) => topic.replace('${'.concat('username}'), BRIDGE));
  assert.ok(named.every((topic) => topic.startsWith('latchkey/1/${'.concat('username}/'))));
  for (const filter of topics.down) assert.ok(own.includes(filter), filter);
  for (const [topic] of said) {
    assert.ok(
      own.some((each) => new RegExp(`^${each.replaceAll('+', '[^/]+')}$`).test(topic)),
      topic,
    );
  }
  assert.match(text.trim(), /\{deny, all\}\.$/);
});
