import { Command, Option } from 'commander';
import { pc } from '../colors.ts';
import { lookAtLab } from '../live.ts';
import { jsonOption, labOption } from '../options.ts';

interface Options {
  lab: string;
  namespace: string;
  json?: boolean | undefined;
}

export function smiCommand(): Command {
  return new Command('smi')
    .description('explain the SMI objects of a namespace, and print what succeeds them on the mesh of the lab')
    .addOption(labOption().default('default'))
    .addOption(new Option('--namespace <namespace>', 'where the objects are').makeOptionMandatory())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExample:\n  $ ./bin/meshproof smi --lab dev --namespace shop     # YAML; what each object said is in its comments',
    )
    .action(async ({ lab, namespace, json }: Options) => {
      const [{ namespaceObjects }, { smiObjects }, { smiRows }] = await Promise.all([
        import('../../apps/running-app.ts'),
        import('../../smi/discover.ts'),
        import('../../library/smi.ts'),
      ]);
      const rows = await lookAtLab({ lab, namespace }, async ({ kube, meshEntry }) => {
        const [objects, around] = await Promise.all([smiObjects(kube, namespace), namespaceObjects(kube, namespace)]);
        return smiRows(objects, around, meshEntry, namespace);
      });
      if (json === true) {
        process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
        return;
      }
      if (rows.length === 0) process.stderr.write(`${pc.dim(`There is no SMI object in ${namespace}.`)}\n`);
      // One file that can be applied: everything else is a comment.
      const documents = rows.map(({ id, apiVersion, says, yaml, notes }) =>
        [`# ${id} (${apiVersion}): ${says}`, ...notes.map((note) => `# ${note}`), ...(yaml ? [yaml] : [])].join('\n'),
      );
      process.stdout.write(documents.length > 0 ? `${documents.map((one) => one.trimEnd()).join('\n---\n')}\n` : '');
    });
}
