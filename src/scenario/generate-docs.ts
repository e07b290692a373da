/**
 * Writes docs/scenario.schema.json and docs/suite.schema.json from the schema, and the table of docs/capabilities.md; `--check` only compares (for `npm test`).
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { meshes } from '../meshes/index.ts';
import { withMatrix } from './capabilities-page.ts';
import { capabilityMatrix } from './capability-matrix.ts';
import { scenarioSchema, suiteSchema } from './schema.ts';

const docs = (name: string): string => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
const jsonSchema = (schema: z.ZodType): string =>
  `${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), null, 2)}\n`;
const entries = Object.values(meshes);
const files = {
  'scenario.schema.json': jsonSchema(scenarioSchema()),
  'suite.schema.json': jsonSchema(suiteSchema),
  'capabilities.md': withMatrix(
    await readFile(docs('capabilities.md'), 'utf8'),
    await capabilityMatrix(entries),
    entries.map(({ name, title }) => ({ name, title })),
  ),
};
const check = process.argv.includes('--check');
for (const [name, text] of Object.entries(files)) {
  if (!check) await writeFile(docs(name), text);
  else if ((await readFile(docs(name), 'utf8').catch(() => '')) !== text) {
    process.stderr.write(
      `docs/${name} is not what the registries say: run \`npx tsx src/scenario/generate-docs.ts\`\n`,
    );
    process.exitCode = 1;
  }
}
