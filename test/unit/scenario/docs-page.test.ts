import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { z } from 'zod';
import { scenarioSchema } from '../../../src/scenario/schema.ts';

interface Node {
  properties?: Record<string, Node>;
  items?: Node;
  anyOf?: Node[];
  oneOf?: Node[];
}

/** Names of all fields, however deep. */
function fieldsOf({ properties = {}, items, anyOf = [], oneOf = [] }: Node): string[] {
  const below = [...Object.values(properties), ...(items === undefined ? [] : [items]), ...anyOf, ...oneOf];
  return [...Object.keys(properties), ...below.flatMap(fieldsOf)];
}

describe('docs/scenarios.md', () => {
  it('names every field that a scenario file may have', () => {
    const page = readFileSync(new URL('../../../docs/scenarios.md', import.meta.url), 'utf8');
    const named = new Set([...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.split(/[^A-Za-z0-9]+/)));
    const fields = new Set(fieldsOf(z.toJSONSchema(scenarioSchema(), { io: 'input' }) as Node));
    expect(fields.size).to.be.greaterThan(30);
    expect([...fields].filter((field) => !named.has(field))).to.deep.equal([]);
  });
});
