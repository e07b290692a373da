/** Writes docs/app.schema.json and docs/apps.md from the schema; `--check` only compares (for `npm test`). */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { withFields } from './docs-page.ts';
import { appSchema } from './schema.ts';

const docs = (name: string): string => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
const jsonSchema = z.toJSONSchema(appSchema, { io: 'input' });
const files = {
  'app.schema.json': `${JSON.stringify(jsonSchema, null, 2)}\n`,
  'apps.md': withFields(await readFile(docs('apps.md'), 'utf8'), jsonSchema),
};
const check = process.argv.includes('--check');
for (const [name, text] of Object.entries(files)) {
  if (!check) await writeFile(docs(name), text);
  else if ((await readFile(docs(name), 'utf8').catch(() => '')) !== text) {
    process.stderr.write(`docs/${name} is not what the schema says: run \`npx tsx src/apps/generate-docs.ts\`\n`);
    process.exitCode = 1;
  }
}
