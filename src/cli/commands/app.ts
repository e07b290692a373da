import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { MeshproofError } from '../../base/errors.ts';
import { watchInterrupts } from '../../run/interrupt.ts';
import { labOption } from '../options.ts';
import { consoleProgress } from '../progress.ts';

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
      const [{ attachLab }, { discoverApp }, { seenEdges }, { namespaceObjects }] = await Promise.all([
        import('../../lab/attach-lab.ts'),
        import('../../apps/discover.ts'),
        import('../../apps/seen-edges.ts'),
        import('../../apps/running-app.ts'),
      ]);
      using progress = consoleProgress({ timings: [] });
      using interrupts = watchInterrupts({ onFirst: () => {}, onSecond: () => process.exit(130) });
      const { kube, mesh } = await attachLab({ lab, namespace, progress, signal: interrupts.signal });
      try {
        const objects = await namespaceObjects(kube, namespace);
        if (!objects.some(({ kind }) => kind === 'Service')) {
          throw new MeshproofError(
            'MESHPROOF_USAGE',
            `There is no Service in the namespace ${namespace} of the lab ${lab}`,
            'Check --namespace; an app is found by its Services.',
          );
        }
        const seen = await seenEdges(kube, namespace, (pod) => mesh.metrics(pod));
        const text = discoverApp({ namespace, objects, seen });
        progress[Symbol.dispose]();
        if (output === undefined) process.stdout.write(text);
        else await writeFile(output, text);
      } finally {
        kube.close();
      }
    });
  return command;
}
