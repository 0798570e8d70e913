import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ApiBench } from './bench.ts';

test('the API describes itself: every route, each with what it takes and gives', async () => {
  await using bench = await ApiBench.open();
  const { body: document } = await bench.call('GET', '/api/v1/openapi.json', { as: 'nobody' });
  assert.equal(document.openapi, '3.1.0');
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'https://latchkey/', ...document });
  const ids = new Set<string>();
  for (const { method, path, params } of bench.endpoints) {
    const operation = document.paths[path]?.[method.toLowerCase()];
    assert.ok(operation, `${method} ${path} is described`);
    ids.add(operation.operationId);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = (operation.parameters ?? []).filter(
      (each: { in: string }) => each.in === 'path',
    );
    assert.deepEqual(
      declared.map((each: { name: string }) => each.name),
      inPath,
      path,
    );
    assert.equal(params !== undefined, inPath.length > 0, path);
    const schemas = [
      operation.requestBody?.content['application/json'].schema,
      operation.responses['200'].content['application/json']?.schema,
      ...(operation.parameters ?? []).map((each: { schema: object }) => each.schema),
    ];
    for (const schema of schemas.filter((each) => each !== undefined)) ajv.compile(schema);
  }
  assert.equal(ids.size, bench.endpoints.length, 'each has its own name');
  const described = Object.values(document.paths).flatMap((each) => Object.keys(Object(each)));
  assert.equal(described.length, bench.endpoints.length, 'and nothing else is described');
});
