import { Argument, Command } from 'commander';
import { jsonOption } from '../options.ts';
import { table } from '../print.ts';

/** One line of a list: what commands and files call it, and what a person reads. */
interface Row {
  id: string;
  title: string;
  [fact: string]: unknown;
}

/** Each loads what it lists when it is asked for. A new registry is a line here. */
const lists: Record<string, () => Promise<Row[]>> = {
  async meshes() {
    const { meshes } = await import('../../meshes/index.ts');
    return Object.values(meshes).map(({ name, title, proxies, policies }) => ({
      id: name,
      title,
      proxies,
      policies: Object.keys(policies),
    }));
  },
  async clusters() {
    const { clusters } = await import('../../clusters/index.ts');
    return clusters.map(({ name, title, capabilities }) => ({ id: name, title, capabilities }));
  },
  async faults() {
    const { faults } = await import('../../faults/index.ts');
    return faults.map(({ kind, title }) => ({ id: kind, title }));
  },
  async policies() {
    const [{ policies }, { meshes }] = await Promise.all([
      import('../../policies/index.ts'),
      import('../../meshes/index.ts'),
    ]);
    return policies.map(({ kind, title }) => ({
      id: kind,
      title,
      meshes: Object.values(meshes).flatMap((mesh) => (kind in mesh.policies ? [mesh.name] : [])),
    }));
  },
  async claims() {
    const { claims } = await import('../../claims/index.ts');
    return claims.map(({ kind, title }) => ({ id: kind, title }));
  },
  async scenarios() {
    const { catalogue, loadScenarios } = await import('../../scenario/load.ts');
    const { scenarios } = await catalogue();
    return Promise.all(
      [...scenarios.values()].sort().map(async (file): Promise<Row> => {
        const [scenario] = await loadScenarios([file]);
        if (scenario === undefined) throw new Error(`${file} has no scenario`);
        const { id, title, experiment, criterion } = scenario;
        return { id, title, experiment, criterion: criterion.id, file };
      }),
    );
  },
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
    .addHelpText('after', '\nExamples:\n  $ ./bin/meshproof list scenarios\n  $ ./bin/meshproof list policies --json')
    .action(async (kind: string, options: { json?: boolean | undefined }) => {
      const rows = (await lists[kind]?.()) ?? [];
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(rows, null, 2)}\n`
          : `${table(rows.map(({ id, title }) => [id, title]))}\n`,
      );
    });
}
