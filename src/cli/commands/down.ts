import { Command, Option } from 'commander';
import { MeshproofError } from '../../base/errors.ts';
import { labOption } from '../options.ts';

export function downCommand(): Command {
  return new Command('down')
    .description('delete a lab and everything it left on this machine')
    .argument('[lab]', 'name of the lab (default: `default`)')
    .addOption(labOption())
    .addOption(new Option('--all', 'every lab, running or dead'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ ./bin/meshproof down\n  $ ./bin/meshproof down dev\n  $ ./bin/meshproof down --all',
    )
    .action(async (argument: string | undefined, options: { lab?: string; all?: boolean }) => {
      const [{ deleteAllLabs }, { residue }] = await Promise.all([
        import('../../clusters/embedded/delete-lab.ts'),
        import('../../clusters/embedded/residue.ts'),
      ]);
      const started = performance.now();
      const deleted = options.all ? await deleteAllLabs() : await downOne(argument ?? options.lab ?? 'default');
      const left = (await Promise.all(deleted.map((name) => residue(name)))).flat();
      if (left.length > 0) {
        throw new MeshproofError(
          'MESHPROOF_CLUSTER_START',
          `Left on this machine: ${left.join('; ')}`,
          'Run `./bin/meshproof down --all` again.',
        );
      }
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stdout.write(
        deleted.length === 0
          ? 'There is no lab.\n'
          : `Deleted ${deleted.join(', ')} in ${seconds} s; nothing is left.\n`,
      );
    });
}

/** The lab asked for, and the labs of killed runs on the way. */
async function downOne(name: string): Promise<string[]> {
  const [{ deleteLab, reapDeadLabs }, { readRecord }] = await Promise.all([
    import('../../clusters/embedded/delete-lab.ts'),
    import('../../clusters/embedded/lab-record.ts'),
  ]);
  const reaped = await reapDeadLabs();
  if ((await readRecord(name)) === undefined) {
    if (reaped.length > 0) return reaped;
    if (name === 'default') return [];
    throw new MeshproofError(
      'MESHPROOF_LAB_UNKNOWN',
      `There is no lab ${name}`,
      '`./bin/meshproof status` lists the labs.',
    );
  }
  await deleteLab(name);
  return [...reaped, name];
}
