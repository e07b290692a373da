import { join } from 'node:path';
import { Command } from 'commander';
import { table } from '../../base/table.ts';
import { jsonOption } from '../options.ts';

export function statusCommand(): Command {
  return new Command('status')
    .description('list the labs of this machine: whether they answer, and who uses them')
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  $ ./bin/meshproof status')
    .action(async (options: { json?: boolean }) => {
      const [{ listLabs }, { describeHolder, labHolder }, { armedRecords }] = await Promise.all([
        import('../../clusters/labs.ts'),
        import('../../clusters/lab-lock.ts'),
        import('../../run/rollback.ts'),
      ]);
      const labs = await Promise.all(
        (await listLabs({ ask: true })).map(async ({ name, stateDir, kubeconfigPath, kubernetesVersion, ...lab }) => ({
          id: name,
          lab: name,
          ...lab,
          kubernetes: kubernetesVersion,
          kubeconfig: kubeconfigPath,
          inUseBy: await labHolder(name),
          /** What a killed run had not taken back yet. */
          open: (await armedRecords(join(stateDir, 'journal.ndjson'))).map(({ what }) => what),
        })),
      );
      if (options.json) {
        process.stdout.write(`${JSON.stringify({ labs }, null, 2)}\n`);
        return;
      }
      if (labs.length === 0) {
        process.stdout.write('There is no lab. `./bin/meshproof up` makes one.\n');
        return;
      }
      process.stdout.write(
        `${table([
          ['LAB', 'CLUSTER', 'STATE', 'KUBERNETES', 'KUBECONFIG'],
          ...labs.map((lab) => [lab.lab, lab.provider, lab.state, lab.kubernetes ?? '', lab.kubeconfig]),
        ])}\n`,
      );
      for (const { lab, state, reason, inUseBy, open } of labs) {
        if (reason !== undefined) {
          const then = state === 'dead' ? '; the next `up`, `run` or `down` removes it' : '';
          process.stdout.write(`${lab}: ${state}: ${reason}${then}\n`);
        }
        if (inUseBy !== undefined) process.stdout.write(`${lab}: in use: ${describeHolder(inUseBy)}\n`);
        for (const what of open) process.stdout.write(`${lab}: not taken back yet: ${what}\n`);
      }
    });
}
