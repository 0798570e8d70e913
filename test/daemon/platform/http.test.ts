import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServer, type HttpRoute } from '../../../daemon/platform/http.ts';

const ECHO: readonly HttpRoute[] = [
  {
    method: 'POST',
    path: '/echo/:name',
    handle: ({ params, query, body, raw, cookies }) => ({
      status: 200,
      body: { params, query, body, bytes: raw.length, cookies },
    }),
  },
  {
    method: 'GET',
    path: '/broken',
    handle: () => {
      throw new Error('the secret is 4711');
    },
  },
  { method: 'GET', path: '/seldom', perMinute: 2, handle: () => ({ status: 204 }) },
  {
    method: 'GET',
    path: '/stream',
    handle: ({ signal }) => ({
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      body: lines(signal),
    }),
  },
];

let streamsEnded = 0;

async function* lines(signal: AbortSignal): AsyncIterable<string> {
  yield 'data: 1\n\n';
  yield 'data: 2\n\n';
  await new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  streamsEnded += 1;
}

const broken: unknown[] = [];

async function serve(names: readonly string[] = []) {
  return createServer({
    host: '127.0.0.1',
    port: 0,
    names,
    routes: ECHO,
    broken: (error) => broken.push(error),
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };

test('a route gets parameters, query, body, bytes and cookies', async () => {
  await using server = await serve();
  const answer = await fetch(`${server.url}/echo/anna?a=1&b=2&b=3`, {
    method: 'POST',
    headers: { ...JSON_TYPE, cookie: 'session=x' },
    body: '{"x": "å"}',
  });
  assert.deepEqual(await answer.json(), {
    params: { name: 'anna' },
    query: { a: '1', b: ['2', '3'] },
    body: { x: 'å' },
    bytes: 11,
    cookies: { session: 'x' },
  });
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'self'/);
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
});

test('every refusal has the same shape', async () => {
  await using server = await serve();
  const calls: readonly (readonly [string, RequestInit, number, string])[] = [
    ['/nothing', {}, 404, 'not_found'],
    ['/echo/a', { method: 'POST', headers: JSON_TYPE, body: '{' }, 400, 'bad_request'],
    [
      '/echo/a',
      { method: 'POST', headers: JSON_TYPE, body: new Uint8Array([0xff]) },
      400,
      'bad_request',
    ],
    [
      '/echo/a',
      { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<a/>' },
      415,
      'unsupported_media_type',
    ],
    [
      '/echo/a',
      { method: 'POST', headers: JSON_TYPE, body: `"${'x'.repeat(300_000)}"` },
      413,
      'too_large',
    ],
    ['/broken', {}, 500, 'internal'],
  ];
  for (const [path, init, status, code] of calls) {
    const answer = await fetch(`${server.url}${path}`, init);
    const text = await answer.text();
    assert.equal(answer.status, status, `${path}: ${text}`);
    assert.equal(JSON.parse(text).error.code, code);
    assert.doesNotMatch(text, /4711/);
  }
  assert.match(String(broken.at(-1)), /4711/, 'the operator is told');
});

function statusWith(url: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('it answers to its own names only', async () => {
  await using server = await serve(['box.local']);
  const { url, port } = server;
  for (const [host, status] of [
    [`127.0.0.1:${port}`, 204],
    ['localhost', 204],
    ['box.local', 429],
    ['evil.example', 421],
  ] as const) {
    assert.equal(await statusWith(`${url}/seldom`, { host }), status, host);
  }
});

test('another site cannot make a browser write here', async () => {
  await using server = await serve();
  const { url } = server;
  assert.equal(await statusWith(`${url}/echo/a`, { origin: 'https://evil.example' }, 'POST'), 403);
  assert.equal(await statusWith(`${url}/echo/a`, { origin: 'null' }, 'POST'), 403);
  assert.equal(await statusWith(`${url}/echo/a`, { origin: url }, 'POST'), 200);
});

test('a stream goes on until the caller is gone', async () => {
  await using server = await serve();
  const caller = new AbortController();
  const answer = await fetch(`${server.url}/stream`, { signal: caller.signal });
  const reader = answer.body?.getReader();
  let text = '';
  while (!text.includes('data: 2')) {
    const { value } = (await reader?.read()) ?? {};
    text += new TextDecoder().decode(value);
  }
  caller.abort();
  while (streamsEnded === 0) await new Promise((resolve) => setImmediate(resolve));
});

test('a port that is taken is left to its owner, and another one found where that will do', async () => {
  await using first = await serve();
  const options = { host: '127.0.0.1', port: first.port, routes: [], broken: () => undefined };
  await assert.rejects(createServer(options), /EADDRINUSE/);
  await using second = await createServer({ ...options, orAnyPort: true });
  assert.notEqual(second.port, first.port);
});

test('every address of the machine is listened at without asking for them, which the unit does not allow', async (t) => {
  t.mock.method(os, 'networkInterfaces', () => {
    throw new Error('AF_NETLINK is not of RestrictAddressFamilies');
  });
  const options = { host: '0.0.0.0', port: 0, routes: ECHO, broken: () => undefined };
  await using server = await createServer(options);
  assert.equal((await fetch(`http://127.0.0.1:${server.port}/seldom`)).status, 204);
});

test('half a request does not keep the server from closing', async () => {
  const server = await serve();
  const socket = connect(server.port, '127.0.0.1');
  await new Promise((resolve) => socket.on('connect', resolve));
  socket.write('GET /seldom HTTP/1.1\r\nHost: local');
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await server[Symbol.asyncDispose]();
  await closed;
});

test('with a certificate it is spoken to over TLS only', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-tls-'));
  try {
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ]);
    if (made.error !== undefined) {
      if (process.env['LATCHKEY_REQUIRE_ALL'] === '1') assert.fail('openssl is missing');
      return t.skip('openssl is missing');
    }
    const pem = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
    await using server = await createServer({
      host: '127.0.0.1',
      port: 0,
      tls: pem,
      routes: [
        {
          method: 'GET',
          path: '/',
          handle: ({ isEncrypted }) => ({ status: 200, body: { isEncrypted } }),
        },
      ],
      broken: () => undefined,
    });
    assert.match(server.url, /^https:/);
    const told = await new Promise<{ body: string; hsts: unknown }>((resolve, reject) => {
      const sent = httpsRequest(`${server.url}/`, { ca: pem.cert }, (answer) => {
        let body = '';
        answer.on('data', (chunk) => {
          body += chunk;
        });
        answer.on('end', () =>
          resolve({ body, hsts: answer.headers['strict-transport-security'] }),
        );
      });
      sent.on('error', reject);
      sent.end();
    });
    assert.equal(told.body, '{"isEncrypted":true}');
    assert.match(String(told.hsts), /max-age=/);
    await assert.rejects(fetch(server.url.replace('https', 'http')));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
