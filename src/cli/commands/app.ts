import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { MeshproofError } from '../../base/errors.ts';
import { lookAtLab } from '../live.ts';
import { labOption } from '../options.ts';

interface Options {
  lab: string;
  namespace: string;
  output?: string;
}

export function appCommand(): Command {
  const command = new Command('app').description('work with app files');
  command
    .command('discover')
    .description('draft the app file of what runs in a namespace: its Services, and the calls that its proxies saw')
    .addOption(labOption().default('default'))
    .addOption(new Option('--namespace <namespace>', 'where the application runs').makeOptionMandatory())
    .addOption(new Option('-o, --output <file>', 'write it there (default: standard output)'))
    .addHelpText(
      'after',
      '\nExample:\n  $ ./bin/meshproof app discover --lab dev --namespace shop -o shop/app.yaml && ./bin/meshproof validate shop/app.yaml',
    )
    .exitOverride()
    .action(async ({ lab, namespace, output }: Options) => {
      const [{ discoverApp }, { seenEdges }, { namespaceObjects }] = await Promise.all([
        import('../../apps/discover.ts'),
        import('../../apps/seen-edges.ts'),
        import('../../apps/running-app.ts'),
      ]);
      const text = await lookAtLab({ lab, namespace }, async ({ kube, mesh }) => {
        const objects = await namespaceObjects(kube, namespace);
        if (!objects.some(({ kind }) => kind === 'Service')) {
          throw new MeshproofError(
            'MESHPROOF_USAGE',
            `There is no Service in the namespace ${namespace} of the lab ${lab}`,
            'Check --namespace; an app is found by its Services.',
          );
        }
        const seen = await seenEdges(kube, namespace, (pod) => mesh.metrics(pod));
        return discoverApp({ namespace, objects, seen });
      });
      if (output === undefined) process.stdout.write(text);
      else await writeFile(output, text);
    });
  return command;
}
