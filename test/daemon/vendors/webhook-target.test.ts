import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { UndiciClient } from '../../../daemon/platform/http-client.ts';
import { isAllowed, targetFault } from '../../../daemon/vendors/webhook-target.ts';

/** IPv4 addresses of this machine, its network and of nobody, as an IPv6 one would carry them. */
const HIDDEN = ['127.0.0.1', '10.0.0.1', '192.168.1.1', '169.254.169.254'].flatMap((address) => {
  const bytes = address.split('.').map(Number);
  const hex = (turned: number) =>
    bytes.map((byte) => (byte ^ turned).toString(16).padStart(2, '0')).join('');
  const words = (turned = 0) => `${hex(turned).slice(0, 4)}:${hex(turned).slice(4)}`;
  return [
    `::${address}`,
    `::ffff:0:${address}`,
    `64:ff9b::${address}`,
    `64:ff9b::${words()}`,
    `64:ff9b:1::${address}`,
    `64:ff9b:1:${hex(0).slice(0, 4)}:${hex(0).slice(4, 6).padStart(4, '0')}:${hex(0).slice(6)}00::`,
    `2002:${words()}::1`,
    `2001:0:cb00:7109:8000:1:${words(0xff)}`,
    `2001:0:${words()}::1`,
  ];
});

test('events go to this machine, its network and anybody’s https, and to no address that is nobody’s', () => {
  const good = [
    'http://127.0.0.1:4010/hook',
    'http://localhost:80/',
    'http://[::1]:9000/hook',
    'http://192.168.1.20/hook',
    'http://10.0.0.2:8080/',
    'http://[fd12:3456::1]/',
    'http://controller.local/hook',
    'http://nas:8123/api',
    'https://hooks.example.com/seam',
    'https://203.0.113.9/seam',
    'https://[2a00:1450::200e]/seam',
    'https://[64:ff9b::203.0.113.9]/seam',
  ];
  for (const url of good) assert.equal(targetFault(url), undefined, url);
  const bad = [
    'http://hooks.example.com/seam',
    'http://203.0.113.9/seam',
    'http://169.254.169.254/latest/meta-data',
    'https://169.254.169.254/',
    // As other programs write the same address.
    'http://2852039166/',
    'http://0xA9.0xFE.0xA9.0xFE/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fd00:ec2::254]/',
    'http://[fe80::1]/',
    'http://0.0.0.0:4010/',
    'http://[::]/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'https://100.100.100.200/latest/meta-data',
    ...HIDDEN.map((address) => `https://[${address}]/`),
    'http://anna:secret@127.0.0.1/',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'no url',
  ];
  for (const url of bad) assert.notEqual(targetFault(url), undefined, url);
});

test('an address that a name was found to have is judged the same way', () => {
  assert.deepEqual(
    ['127.0.0.1', '::1', '192.168.1.20', '203.0.113.9', '::ffff:10.0.0.1'].filter(isAllowed).length,
    5,
  );
  assert.deepEqual(
    [
      '169.254.169.254',
      '::ffff:169.254.169.254',
      'fe80::1',
      'fe80::1%eth0',
      '0.0.0.0',
      ...HIDDEN,
    ].filter(isAllowed),
    [],
  );
});

test('a name is judged by the addresses it has when it is called', async () => {
  const server = createServer((_, reply) => reply.end('{}'));
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const { signal } = new AbortController();
  const call = {
    method: 'GET',
    url: `http://localhost:${address.port}/`,
    headers: {},
    signal,
  } as const;
  await using open = new UndiciClient({ allows: isAllowed });
  assert.equal((await open.send(call)).status, 200);
  await using strict = new UndiciClient({ allows: () => false });
  await assert.rejects(strict.send(call), /no address that may be called/);
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
