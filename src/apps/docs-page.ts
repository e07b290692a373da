/** What a JSON Schema says of a field, as far as the reference shows it. */
interface Field {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: string[];
  anyOf?: Field[];
  items?: Field;
  properties?: Record<string, Field>;
  additionalProperties?: Field | boolean;
  required?: string[];
}

const begin = '<!-- fields: generated from src/apps/schema.ts -->';
const end = '<!-- end of fields -->';

/**
 * The reference page with its table of fields as the schema says; everything else on it is kept.
 *
 * @throws Error when the page has no place for the table
 */
export function withFields(page: string, schema: unknown): string {
  const [head, rest] = page.split(begin);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`docs/apps.md lacks ${begin} … ${end}`);
  return `${head}${begin}\n${table(schema as Field)}\n${end}${tail}`;
}

function table(schema: Field): string {
  const rows = ['| field | what it may be | what it means |', '|---|---|---|'];
  let callShown = false;
  const walk = (path: string, field: Field): void => {
    for (const [name, child] of Object.entries(field.properties ?? {})) {
      const at = path === '' ? name : `${path}.${name}`;
      const needed = field.required?.includes(name) === true ? ' **needed**' : '';
      rows.push(`| \`${at}\` | ${cell(kind(child))}${needed} | ${cell(meaning(child))} |`);
      inside(at, child);
    }
  };
  const inside = (at: string, field: Field): void => {
    if (isCall(at)) {
      // Its fields are shown once, at the first place where one may stand.
      if (callShown) return;
      callShown = true;
    }
    if (field.properties !== undefined) walk(at, field);
    if (typeof field.additionalProperties === 'object') inside(`${at}.<name>`, field.additionalProperties);
    if (field.items !== undefined) inside(`${at}[]`, field.items);
    for (const choice of field.anyOf ?? []) inside(at, choice);
  };
  walk('', schema);
  return rows.join('\n');
}

function isCall(at: string): boolean {
  return /\.(call|also\[\])$/.test(at);
}

function kind(field: Field): string {
  if (field.enum !== undefined)
    return field.enum.length > 8 ? 'a name' : field.enum.map((value) => `\`${value}\``).join(', ');
  if (field.anyOf !== undefined) return [...new Set(field.anyOf.map(kind))].join(' or ');
  if (field.type === 'array') return `list of ${field.items === undefined ? 'anything' : kind(field.items)}`;
  if (field.type === 'object') return 'mapping';
  return (
    { string: 'text', integer: 'whole number', number: 'number', boolean: 'yes or no' }[field.type ?? ''] ?? 'anything'
  );
}

function meaning({ description = '', default: value }: Field): string {
  const isPlain = value !== undefined && JSON.stringify(value) !== '{}' && JSON.stringify(value) !== '[]';
  return isPlain ? `${description} Default: \`${String(value)}\`.`.trim() : description;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
