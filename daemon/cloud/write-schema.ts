/** `node daemon/cloud/write-schema.ts`: writes the documents under `schema/` anew; a test fails while they differ. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncApiDocument, schemaDocument } from './asyncapi.ts';

const FOLDER = join(import.meta.dirname, 'schema');

/** File name -> its text, as it has to be. */
export function schemaFiles(): ReadonlyMap<string, string> {
  const root = join(import.meta.dirname, '../../package.json');
  const { version } = JSON.parse(readFileSync(root, 'utf8'));
  const text = (document: object) => `${JSON.stringify(document, undefined, 2)}\n`;
  return new Map([
    ['asyncapi.json', text(asyncApiDocument(String(version)))],
    ['messages.schema.json', text(schemaDocument())],
  ]);
}

if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, written] of schemaFiles()) writeFileSync(join(FOLDER, name), written);
}
