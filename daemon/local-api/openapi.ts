/** The API's own description, made from what it checks with. */
import { z } from 'zod';
import { type Endpoint, endpoint } from './endpoint.ts';
import { ERROR_CODES } from './errors.ts';
import { COOKIE } from './sessions.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

const errorSchema = z.object({
  error: z.object({
    code: z.enum(Object.keys(ERROR_CODES)),
    message: z.string(),
    field: z.string().optional(),
  }),
});

export function openApiEndpoint(endpoints: readonly Endpoint[]): Endpoint {
  const self = endpoint({
    method: 'GET',
    path: '/api/v1/openapi.json',
    scope: undefined,
    summary: 'This description',
    reply: z.object({ openapi: z.string() }).loose(),
    call: () => document,
  });
  const document = openApi([...endpoints, self]);
  return self;
}

function openApi(endpoints: readonly Endpoint[]): object {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const each of endpoints) {
    paths[each.path] = { ...paths[each.path], [each.method.toLowerCase()]: operation(each) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Latchkey local API',
      version: '1',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: COOKIE },
      },
      schemas: { Error: schemaOf(errorSchema, 'output') },
    },
  };
}

function operation(each: Endpoint): object {
  const { method, scope, summary, params, query, body, reply, contentType } = each;
  const writes = method !== 'GET';
  const parameters = [
    ...parametersOf(params, 'path'),
    ...parametersOf(query, 'query'),
    ...(writes && scope !== undefined ? [IDEMPOTENCY] : []),
  ];
  return {
    operationId: operationId(each),
    summary,
    ...(scope === undefined ? {} : { description: `Scope: ${scope}` }),
    security: scope === undefined ? [] : [{ token: [] }, { session: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(body, 'input') } },
          },
        }),
    responses: {
      '200': {
        description: 'Done as asked',
        content:
          reply === undefined
            ? { [contentType ?? 'text/plain']: { schema: { type: 'string' } } }
            : { 'application/json': { schema: schemaOf(reply, 'output') } },
      },
      default: {
        description: 'Not done',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

const IDEMPOTENCY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'A command with the same key is carried out once; later calls get its outcome, and one that asks something else under it is refused',
  schema: { type: 'string', pattern: '^[A-Za-z0-9_.:-]{8,128}$' },
};

function operationId({ method, path }: Endpoint): string {
  const words = path
    .replace(/^\/api\/v1/, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return [method.toLowerCase(), ...words].join('-');
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): object[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', ...LOOSE });
  return Object.entries(properties).map(([name, each]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: each,
  }));
}

const LOOSE = { unrepresentable: 'any', reused: 'inline' } as const;

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, '~standard': _standard, ...plain } = z.toJSONSchema(schema, { io, ...LOOSE });
  return plain;
}
