import { Argument, Command } from 'commander';
import { table } from '../../base/table.ts';
import { list, listKinds, type ListKind } from '../../library/list.ts';
import { jsonOption } from '../options.ts';

export function listCommand(): Command {
  return new Command('list')
    .description('list what scenarios, app files and options can name')
    .addArgument(new Argument('<kind>', 'what to list').choices(listKinds))
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  $ ./bin/meshproof list scenarios\n  $ ./bin/meshproof list policies --json')
    .action(async (kind: string, options: { json?: boolean | undefined }) => {
      const rows = await list(kind as ListKind);
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(rows, null, 2)}\n`
          : `${table(rows.map(({ id, title }) => [id, title]))}\n`,
      );
    });
}
