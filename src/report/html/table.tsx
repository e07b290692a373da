import type { ComponentChildren } from 'preact';

export interface Column {
  title: string;
  numeric?: boolean;
}

/** A table that scrolls inside itself on a narrow screen, so that the page does not. */
export function Table({ label, columns, rows }: { label: string; columns: Column[]; rows: ComponentChildren[][] }) {
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, numeric }) => (
              <th key={title} scope="col" class={numeric ? 'num' : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, index) => (
                <td key={index} class={columns[index]?.numeric ? 'num' : undefined}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function EvidenceLinks({ paths }: { paths: readonly string[] }) {
  if (paths.length === 0) return null;
  return (
    <span class="evidence">
      {paths.map((path) => (
        <a key={path} href={path.split('/').map(encodeURIComponent).join('/')} title={path}>
          {shortName(path)}
        </a>
      ))}
    </span>
  );
}

/** `treatment/load.ndjson.gz`: the scenario is said by the place the link stands in. */
function shortName(path: string): string {
  return path.split('/').slice(-2).join('/');
}
