/** Bodies of entries: written without what is undefined, read back field by field, believed nowhere else. */
import type { Json, JsonObject } from './entry.ts';

/** Leaves out what is undefined, so that a body is the same before and after JSON. */
export function plain(fields: { readonly [name: string]: Json | undefined }): JsonObject {
  const found: Record<string, Json> = {};
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}

export function textIn(body: JsonObject, name: string): string | undefined {
  const value = body[name];
  return typeof value === 'string' ? value : undefined;
}

export function numberIn(body: JsonObject, name: string): number | undefined {
  const value = body[name];
  return typeof value === 'number' ? value : undefined;
}

export function isSet(body: JsonObject, name: string): boolean {
  return body[name] === true;
}

export function flagIn(body: JsonObject, name: string): boolean | undefined {
  const value = body[name];
  return typeof value === 'boolean' ? value : undefined;
}

export function listIn(body: JsonObject, name: string): readonly Json[] {
  const value = body[name];
  return Array.isArray(value) ? value : [];
}

export function textsIn(body: JsonObject, name: string): readonly string[] {
  return listIn(body, name).filter((each) => typeof each === 'string');
}

export function objectIn(body: JsonObject, name: string): JsonObject | undefined {
  const value = body[name];
  return isObject(value) ? value : undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Anything that is plain data, as JSON has it: undefined members are gone, an endless number is null. */
export function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) satisfies Json;
}

export function toJsonObject(value: object): JsonObject {
  const json = toJson(value);
  if (!isObject(json)) throw new TypeError('not an object');
  return json;
}
