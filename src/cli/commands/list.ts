import { Argument, Command } from 'commander';
import { jsonOption } from '../options.ts';
import { table } from '../print.ts';

/** One line of a list: what commands and files call it, and what a person reads. */
interface Row {
  id: string;
  title: string;
  [fact: string]: unknown;
}

/** Each loads what it lists when it is asked for. */
const lists: Record<string, () => Promise<Row[]>> = {
  async apps() {
    const { appCatalogue, loadApp } = await import('../../apps/load-app.ts');
    const rows = [...(await appCatalogue())].map(async ([id, file]): Promise<Row> => {
      const { title, namespace, services } = await loadApp(file);
      return { id, title, namespace, services: services.map(({ name }) => name), file };
    });
    return Promise.all(rows);
  },
};

export function listCommand(): Command {
  return new Command('list')
    .description('list what scenarios, app files and options can name')
    .addArgument(new Argument('<kind>', 'what to list').choices(Object.keys(lists)))
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  $ ./bin/meshproof list apps')
    .action(async (kind: string, options: { json?: boolean }) => {
      const rows = (await lists[kind]?.()) ?? [];
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(rows, null, 2)}\n`
          : `${table(rows.map(({ id, title }) => [id, title]))}\n`,
      );
    });
}
