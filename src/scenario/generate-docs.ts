/**
 * Writes docs/scenario.schema.json and docs/suite.schema.json from the schema; `--check` only compares (for `npm test`).
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { scenarioSchema, suiteSchema } from './schema.ts';

const files = { 'scenario.schema.json': scenarioSchema(), 'suite.schema.json': suiteSchema };
const check = process.argv.includes('--check');
for (const [name, schema] of Object.entries(files)) {
  const path = fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
  const text = `${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), null, 2)}\n`;
  if (!check) await writeFile(path, text);
  else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
    process.stderr.write(`docs/${name} is not what the schema says: run \`npx tsx src/scenario/generate-docs.ts\`\n`);
    process.exitCode = 1;
  }
}
