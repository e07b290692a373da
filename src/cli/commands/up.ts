import { Command, Option } from 'commander';
import type { MeshName } from '../../meshes/index.ts';
import type { Timing } from '../../base/progress.ts';
import { watchInterrupts } from '../../run/interrupt.ts';
import {
  appOption,
  clusterOption,
  jsonOption,
  labOption,
  meshBinariesOption,
  meshImagesOption,
  meshInstalledOption,
  meshOption,
  meshProfileOption,
  meshRevisionOption,
  timeoutOption,
} from '../options.ts';
import { consoleProgress } from '../progress.ts';

interface Options {
  app: string;
  cluster: string;
  mesh: MeshName;
  meshBinaries?: string | undefined;
  meshImages?: string | undefined;
  meshInstalled?: boolean | undefined;
  meshRevision?: string | undefined;
  meshProfile?: string | undefined;
  lab: string;
  recreate?: boolean | undefined;
  timeout?: number | undefined;
  json?: boolean | undefined;
}

export function upCommand(): Command {
  return new Command('up')
    .description('bring up a lab (cluster, mesh, application) and leave it up')
    .addOption(appOption())
    .addOption(clusterOption())
    .addOption(meshOption())
    .addOption(meshBinariesOption())
    .addOption(meshImagesOption())
    .addOption(meshInstalledOption())
    .addOption(meshRevisionOption())
    .addOption(meshProfileOption())
    .addOption(labOption().default('default'))
    .addOption(new Option('--recreate', 'delete a lab of that name first, whatever state it is in'))
    .addOption(timeoutOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ ./bin/meshproof up\n  $ ./bin/meshproof up --lab dev && ./bin/meshproof run --lab dev retries-recover-errors',
    )
    .action(async (options: Options) => {
      const { openLab } = await import('../../index.ts');
      const timings: Timing[] = [];
      using progress = consoleProgress({ timings });
      using interrupts = watchInterrupts({
        timeoutMs: options.timeout,
        onFirst: (why) => progress.warn(`${why}: cleaning up`),
        onSecond: () => process.exit(130),
      });
      await using lab = await openLab({ ...options, keep: true, doing: 'up', progress, signal: interrupts.signal });
      progress[Symbol.dispose]();
      if (options.json) {
        process.stdout.write(
          `${JSON.stringify({ lab: lab.name, kubeconfig: lab.kubeconfigPath, timings }, null, 2)}\n`,
        );
        return;
      }
      process.stdout.write(
        `The lab ${lab.name} is up.\n  KUBECONFIG=${lab.kubeconfigPath}\n  run:    ./bin/meshproof run --lab ${lab.name}\n  remove: ./bin/meshproof down ${lab.name}\n`,
      );
    });
}
