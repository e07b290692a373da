import { Command, Option } from 'commander';
import { MeshproofError } from '../../base/errors.ts';
import { labOption } from '../options.ts';

interface Options {
  lab?: string | undefined;
  all?: boolean | undefined;
  force?: boolean | undefined;
}

export function downCommand(): Command {
  return new Command('down')
    .description('delete a lab and everything it left on this machine')
    .argument('[lab]', 'name of the lab (default: `default`)')
    .addOption(labOption())
    .addOption(new Option('--all', 'every lab, running or dead, that nobody uses just now'))
    .addOption(new Option('--force', 'also a lab that another meshproof uses: its run fails'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ ./bin/meshproof down\n  $ ./bin/meshproof down dev\n  $ ./bin/meshproof down --all',
    )
    .action(async (argument: string | undefined, options: Options) => {
      const { labRemains } = await import('../../clusters/labs.ts');
      const started = performance.now();
      const { deleted, refused } = await takeDown(argument ?? options.lab ?? 'default', options);
      const left = (await Promise.all(deleted.map((name) => labRemains(name)))).flat();
      if (left.length > 0) {
        throw new MeshproofError(
          'MESHPROOF_CLUSTER_START',
          `Left on this machine: ${left.join('; ')}`,
          'Run `./bin/meshproof down --all` again.',
        );
      }
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      if (deleted.length > 0) {
        process.stdout.write(`Deleted ${deleted.join(', ')} in ${seconds} s; nothing is left.\n`);
      } else if (refused.length === 0) process.stdout.write('There is no lab.\n');
      const [first, ...others] = refused;
      if (first === undefined) return;
      throw others.length === 0
        ? first
        : new MeshproofError(first.code, refused.map(({ message }) => message).join('; '), first.hint);
    });
}

/** The lab asked for, or all; and the labs of killed runs on the way. */
async function takeDown(
  name: string,
  { all = false, force = false }: Options,
): Promise<{ deleted: string[]; refused: MeshproofError[] }> {
  const [{ deleteLab, listLabs, reapLabs }, { lockLab }] = await Promise.all([
    import('../../clusters/labs.ts'),
    import('../../clusters/lab-lock.ts'),
  ]);
  const deleted = await reapLabs();
  const there = (await listLabs({ ask: false })).map((lab) => lab.name);
  if (!all && !there.includes(name) && deleted.length === 0 && name !== 'default') {
    throw new MeshproofError(
      'MESHPROOF_LAB_UNKNOWN',
      `There is no lab ${name}`,
      '`./bin/meshproof status` lists the labs.',
    );
  }
  const refused: MeshproofError[] = [];
  await Promise.all(
    there
      .filter((each) => all || each === name)
      .map(async (each) => {
        try {
          await using _lock = force ? undefined : await lockLab(each, 'down');
          await deleteLab(each);
          deleted.push(each);
        } catch (error) {
          // The others go all the same, as with `kubectl delete --all`.
          if (!(error instanceof MeshproofError) || error.code !== 'MESHPROOF_LAB_BUSY') throw error;
          refused.push(error);
        }
      }),
  );
  return { deleted, refused };
}
