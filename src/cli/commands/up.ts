import { Command, Option } from 'commander';
import type { MeshName } from '../../meshes/index.ts';
import type { Timing } from '../../base/progress.ts';
import { watchInterrupts } from '../../run/interrupt.ts';
import {
  appOption,
  clusterOption,
  jsonOption,
  labMeshOption,
  labOption,
  meshBinariesOption,
  meshDialectOption,
  meshImagesOption,
  meshInstalledOption,
  meshProfileOption,
  meshReleaseOption,
  meshRevisionOption,
  nodesOption,
  timeoutOption,
} from '../options.ts';
import { consoleProgress } from '../progress.ts';

interface Options {
  app: string;
  cluster: string;
  nodes?: number | undefined;
  mesh?: MeshName | undefined;
  meshBinaries?: string | undefined;
  meshImages?: string | undefined;
  meshInstalled?: boolean | undefined;
  meshRevision?: string | undefined;
  meshProfile?: string | undefined;
  meshDialect?: string | undefined;
  meshRelease?: string | undefined;
  lab: string;
  clusterOnly?: boolean | undefined;
  recreate?: boolean | undefined;
  timeout?: number | undefined;
  json?: boolean | undefined;
}

export function upCommand(): Command {
  return new Command('up')
    .description('bring up a lab (cluster, mesh, application) and leave it up')
    .addOption(appOption())
    .addOption(clusterOption())
    .addOption(nodesOption())
    .addOption(labMeshOption())
    .addOption(meshBinariesOption())
    .addOption(meshImagesOption())
    .addOption(meshInstalledOption())
    .addOption(meshRevisionOption())
    .addOption(meshProfileOption())
    .addOption(meshDialectOption())
    .addOption(meshReleaseOption())
    .addOption(labOption().default('default'))
    .addOption(
      new Option('--cluster-only', 'no mesh and no application: for a mesh that you install yourself').conflicts([
        'meshInstalled',
        'meshRevision',
        'meshProfile',
        'meshDialect',
      ]),
    )
    .addOption(new Option('--recreate', 'delete a lab of that name first, whatever state it is in'))
    .addOption(timeoutOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof up
  $ ./bin/meshproof up --lab dev && ./bin/meshproof run --lab dev retries-recover-errors

A mesh that you install yourself:
  $ ./bin/meshproof up --lab own --cluster-only --mesh NAME  loads its images; install it there with them
  $ ./bin/meshproof up --lab own --mesh NAME --mesh-installed`,
    )
    .action(async (options: Options, command: Command) => {
      const { openCluster, openLab } = await import('../../index.ts');
      const timings: Timing[] = [];
      using progress = consoleProgress({ timings });
      using interrupts = watchInterrupts({
        timeoutMs: options.timeout,
        onFirst: (why) => progress.warn(`${why}: cleaning up`),
        onSecond: () => process.exit(130),
      });
      if (options.clusterOnly) {
        // Only the images of a mesh that was asked for.
        const mesh = command.getOptionValueSource('mesh') === 'default' ? undefined : options.mesh;
        const made = await openCluster({ ...options, mesh, progress, signal: interrupts.signal });
        progress[Symbol.dispose]();
        return tell(made, timings, options, [
          ...Object.entries(made.images).map(([image, ref]) => `image:  ${image} is ${ref}`),
          `then:   ./bin/meshproof up --lab ${made.name} --mesh ${mesh ?? 'NAME'} --mesh-installed`,
        ]);
      }
      await using lab = await openLab({ ...options, keep: true, doing: 'up', progress, signal: interrupts.signal });
      progress[Symbol.dispose]();
      tell(lab, timings, options, [`run:    ./bin/meshproof run --lab ${lab.name}`]);
    });
}

function tell(
  { name, kubeconfigPath, images }: { name: string; kubeconfigPath: string; images?: Record<string, string> },
  timings: readonly Timing[],
  { json }: Pick<Options, 'json'>,
  next: readonly string[],
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ lab: name, kubeconfig: kubeconfigPath, images, timings }, null, 2)}\n`);
    return;
  }
  const lines = [`KUBECONFIG=${kubeconfigPath}`, ...next, `remove: ./bin/meshproof down ${name}`];
  process.stdout.write(`The lab ${name} is up.\n${lines.map((line) => `  ${line}\n`).join('')}`);
}
