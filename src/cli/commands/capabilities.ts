import { Command, Option } from 'commander';
import type { CapabilityCell } from '../../capabilities/cell.ts';
import { table } from '../../base/table.ts';
import type { MeshName } from '../../meshes/index.ts';
import { meshNames } from '../../library/defaults.ts';
import type { DialectRow, PartRow } from '../../library/capabilities.ts';
import { lookAtLab } from '../live.ts';
import { jsonOption, labOption } from '../options.ts';
import { pc } from '../colors.ts';

interface Options {
  mesh?: MeshName | undefined;
  lab?: string | undefined;
  json?: boolean | undefined;
  components?: boolean | undefined;
}

export function capabilitiesCommand(): Command {
  return new Command('capabilities')
    .description('what a mesh can be asked for: proven by which scenario, or why not; and what the mesh is made of')
    .addOption(new Option('--mesh <mesh>', 'only this mesh (default: every one)').choices(meshNames))
    .addOption(labOption())
    .addOption(new Option('--components', 'only what the mesh is made of'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof capabilities                       every mesh, every capability
  $ ./bin/meshproof capabilities --lab dev             of the mesh in a lab, with the components that run there
  $ ./bin/meshproof capabilities --components --json   what each mesh is made of, with licences`,
    )
    .action(async (options: Options) => {
      const [{ capabilities, dialectsOf, partsOf }, { meshes }] = await Promise.all([
        import('../../library/capabilities.ts'),
        import('../../meshes/index.ts'),
      ]);
      const live = options.lab === undefined ? undefined : await lookInto(options.lab, options.mesh);
      const names = live !== undefined ? [live.mesh] : options.mesh === undefined ? meshNames : [options.mesh];
      const parts = live?.parts ?? names.flatMap((name) => partsOf(meshes[name]));
      if (options.json === true) {
        const rows =
          options.components === true ? parts.map((part) => ({ id: part.name, ...part })) : await capabilities(names);
        process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
        return;
      }
      if (options.components !== true) printMatrix(await capabilities(names));
      printParts(parts);
      if (live !== undefined) printDialects('Policies are written in', live.dialects);
      else
        printDialects(
          'Policies can also be written in (--mesh-dialect)',
          names.flatMap((name) => dialectsOf(meshes[name])),
        );
    });
}

interface Live {
  mesh: MeshName;
  parts: PartRow[];
  /** Empty where its policies are in its usual resources. */
  dialects: DialectRow[];
}

/** The mesh of a lab, and what runs of it. */
async function lookInto(lab: string, asked: MeshName | undefined): Promise<Live> {
  const [{ dialectsOf, runningParts }, { MeshproofError }] = await Promise.all([
    import('../../library/capabilities.ts'),
    import('../../base/errors.ts'),
  ]);
  return lookAtLab({ lab, namespace: 'default' }, async ({ mesh, meshEntry }) => {
    if (asked !== undefined && asked !== meshEntry.name) {
      throw new MeshproofError(
        'MESHPROOF_USAGE',
        `The lab ${lab} has the mesh ${meshEntry.name}, not ${asked}`,
        'Leave --mesh out, or name another lab.',
      );
    }
    const dialect = (await mesh.installation?.())?.dialect;
    return {
      mesh: meshEntry.name as MeshName,
      parts: runningParts(meshEntry, await mesh.components(), dialect),
      dialects: dialect === undefined ? [] : dialectsOf(meshEntry, dialect),
    };
  });
}

const colours = { proven: pc.green, supported: pc.yellow, unsupported: pc.dim, skipped: pc.dim } as const;

function printMatrix(cells: readonly CapabilityCell[]): void {
  for (const group of new Set(cells.map((cell) => cell.group))) {
    const own = cells.filter((cell) => cell.group === group);
    const lines = table(
      own.map(({ capability, mesh, status, scenario, reason }) => [
        capability,
        mesh,
        status,
        [scenario, reason].filter((text) => text !== undefined).join(', '),
      ]),
    ).split('\n');
    const coloured = lines.map((line, index) => {
      const { status } = own[index] ?? { status: 'skipped' as const };
      return line.replace(` ${status} `, ` ${colours[status](status)} `);
    });
    process.stdout.write(`${pc.bold(group)}\n${coloured.join('\n')}\n\n`);
  }
}

function printParts(parts: readonly PartRow[]): void {
  const rows = parts.map(({ mesh, name, version, role, ready, licence, does, supports }) => [
    mesh,
    name,
    version,
    role,
    ready === undefined ? '' : ready ? 'ready' : 'not ready',
    licence,
    `${does} (${supports.join(', ')})`,
  ]);
  process.stdout.write(`${pc.bold('Components')}\n${table(rows)}\n`);
}

function printDialects(title: string, dialects: readonly DialectRow[]): void {
  if (dialects.length === 0) return;
  const rows = dialects.map((row) => [row.mesh, row.dialect, `${row.title}: ${row.policies.join(', ')}`]);
  process.stdout.write(`\n${pc.bold(title)}\n${table(rows)}\n`);
}
