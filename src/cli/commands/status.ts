import { join } from 'node:path';
import { Command } from 'commander';
import { jsonOption } from '../options.ts';
import { table } from '../print.ts';

export function statusCommand(): Command {
  return new Command('status')
    .description('list the labs of this machine')
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  $ ./bin/meshproof status')
    .action(async (options: { json?: boolean }) => {
      const [{ isDead, labDir, labEntries, readRecord }, { armedRecords }] = await Promise.all([
        import('../../clusters/embedded/lab-record.ts'),
        import('../../run/rollback.ts'),
      ]);
      const { labs: names } = await labEntries();
      const labs = await Promise.all(
        names.map(async (name) => {
          const record = await readRecord(name);
          const dead = record === undefined || isDead(record);
          return {
            lab: name,
            state: dead ? 'dead (the next `up` or `down` removes it)' : (record?.state ?? ''),
            kept: record?.ownedByProcess === false,
            kubernetes: record?.kubernetesVersion ?? '',
            kubeconfig: join(labDir(name), 'kubeconfig'),
            /** What a killed run had not taken back yet. */
            open: (await armedRecords(join(labDir(name), 'journal.ndjson'))).map(({ what }) => what),
          };
        }),
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
        `${table([['LAB', 'STATE', 'KUBERNETES', 'KUBECONFIG'], ...labs.map((lab) => [lab.lab, lab.state, lab.kubernetes, lab.kubeconfig])])}\n`,
      );
      for (const { lab, open } of labs)
        for (const what of open) process.stdout.write(`${lab}: not taken back yet: ${what}\n`);
    });
}
