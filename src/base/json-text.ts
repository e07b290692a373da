/** A line of a value that is broken over lines; wide enough for one sample of a series, one row of a table. */
const widestLine = 160;

/**
 * JSON for people and programs: indented, but whatever fits in a line stands in one. A file of samples is a third shorter than
 * with `JSON.stringify(value, undefined, 2)`, and its rows can be compared by eye.
 */
export function jsonText(value: unknown): string {
  // What has a toJSON, and what JSON does not know, is settled once and for all here.
  return write(JSON.parse(JSON.stringify(value)), '');
}

function write(value: unknown, indent: string): string {
  const flat = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || indent.length + flat.length <= widestLine) return flat;
  const inner = `${indent}  `;
  const [open, close, parts] = Array.isArray(value)
    ? ['[', ']', value.map((item) => write(item, inner))]
    : ['{', '}', Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${write(item, inner)}`)];
  return `${open}\n${parts.map((part) => inner + part).join(',\n')}\n${indent}${close}`;
}
