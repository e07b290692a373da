import type { CapabilityCell } from '../capabilities/cell.ts';

const begin = '<!-- matrix: generated from the registries by src/scenario/generate-docs.ts -->';
const end = '<!-- end of matrix -->';

/**
 * The page with the matrix as the registries have it; everything else on it is kept.
 *
 * @throws Error when the page has no place for it
 */
export function withMatrix(
  page: string,
  cells: readonly CapabilityCell[],
  meshes: readonly { name: string; title: string }[],
): string {
  const [head, rest] = page.split(begin);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`docs/capabilities.md lacks ${begin} … ${end}`);
  const tables = [...new Set(cells.map(({ group }) => group))].map((group) =>
    table(
      group,
      cells.filter((cell) => cell.group === group),
      meshes,
    ),
  );
  return `${head}${begin}\n${tables.join('\n\n')}\n${end}${tail}`;
}

function table(
  group: string,
  cells: readonly CapabilityCell[],
  meshes: readonly { name: string; title: string }[],
): string {
  const rows = [...new Set(cells.map(({ id }) => id))].map((id) => {
    const own = cells.filter((cell) => cell.id === id);
    const columns = meshes.map(({ name }) => text(own.find(({ mesh }) => mesh === name)));
    return `| ${[own[0]?.capability ?? id, ...columns].join(' | ')} |`;
  });
  const titles = ['capability', ...meshes.map(({ title }) => title)];
  return [`### ${group}`, '', `| ${titles.join(' | ')} |`, `|${'---|'.repeat(titles.length)}`, ...rows].join('\n');
}

/** `**proven** by x`; a reason links to what it rests on. */
function text(cell: CapabilityCell | undefined): string {
  if (cell === undefined) return '';
  const { status, scenario, alsoBy = [], reason, source } = cell;
  if (status === 'proven') {
    const by = [scenario, ...alsoBy].map((name) => `\`${name}\``).join(', ');
    return escaped(`**proven** by ${by}${reason === undefined ? '' : `, ${reason}`}`);
  }
  const why = reason?.replace('; not proven: no claim is about it yet', '');
  return escaped(`${status}: ${source === undefined ? why : `[${why}](${source})`}`);
}

function escaped(line: string): string {
  return line.replaceAll('|', '\\|').replaceAll('_*', '_\\*');
}
