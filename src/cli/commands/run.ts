import { Command, Option } from 'commander';
import { pc } from '../colors.ts';
import { table } from '../../base/table.ts';
import type { Result } from '../../index.ts';
import { troubleLines } from '../../library/lines.ts';
import type { MeshName } from '../../meshes/index.ts';
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
  reportsOption,
  timeoutOption,
} from '../options.ts';
import { mark } from '../print.ts';
import { consoleProgress } from '../progress.ts';

interface Options {
  scenario: string[];
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
  lab?: string | undefined;
  keep?: boolean | undefined;
  reports: string;
  timeout?: number | undefined;
  json?: boolean | undefined;
}

export function runCommandDefinition(): Command {
  return new Command('run')
    .description('bring up a lab, run scenarios, write a report (default: the suite success-criteria)')
    .argument('[scenarios...]', 'ids of scenarios or suites, or .yaml files')
    .addOption(new Option('--scenario <id...>', 'the same, as an option').default([], 'none'))
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
    .addOption(labOption())
    .addOption(new Option('--keep', 'leave the lab up after the run'))
    .addOption(reportsOption())
    .addOption(timeoutOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof run                                  the suite success-criteria on a throw-away lab
  $ ./bin/meshproof run retries-recover-errors           one scenario
  $ ./bin/meshproof run --lab dev mtls-everywhere        on the lab that \`up --lab dev\` left
  $ ./bin/meshproof run my-scenario.yaml --timeout 10m   your own file, with a deadline
  $ ./bin/meshproof run --app shop/app.yaml              your own application
  $ ./bin/meshproof run --nodes 3 mtls-everywhere        on a lab of three nodes: the wire between them too
  $ ./bin/meshproof run --lab own --mesh NAME --mesh-installed
                                                         a mesh that you installed in that lab`,
    )
    .action(async (names: string[], options: Options) => {
      const { runScenarios } = await import('../../index.ts');
      using progress = consoleProgress({ timings: [] });
      using interrupts = watchInterrupts({
        timeoutMs: options.timeout,
        onFirst: (why) => progress.warn(`${why}: cleaning up (a second Ctrl-C gives up on that)`),
        onSecond: () => process.exit(130),
      });
      const { app, cluster, nodes, mesh, meshBinaries, meshImages, meshInstalled, meshRevision } = options;
      const { meshProfile, meshDialect, meshRelease, lab, keep, reports: reportsDir } = options;
      const result = await runScenarios({
        scenarios: [...names, ...options.scenario],
        app,
        cluster,
        nodes,
        mesh,
        meshBinaries,
        meshImages,
        meshInstalled,
        meshRevision,
        meshProfile,
        meshDialect,
        meshRelease,
        lab,
        keep,
        reportsDir,
        command: ['meshproof', ...process.argv.slice(2)],
        progress,
        signal: interrupts.signal,
        interrupted: () => interrupts.interrupted,
      });
      progress[Symbol.dispose]();
      print(result, options);
      process.exitCode = result.verdict.exitCode;
    });
}

/** What a person reads last: criteria, what is wrong, and on the last line the verdict and where the report is. */
function print(result: Result, options: Options): void {
  const { report, dir, keptLab } = result;
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ verdict: report.verdict, criteria: report.criteria, report: `${dir}/report.json` }, null, 2)}\n`,
    );
    return;
  }
  const lines = [''];
  if (report.criteria.length > 0) {
    lines.push(
      ...table(report.criteria.map(({ title, status }) => [`${status}`, title]))
        .split('\n')
        .map((line, index) => `${mark(report.criteria[index]?.status ?? 'invalid')} ${line}`),
    );
  }
  lines.push(...troubleLines(result, { mark, bold: pc.bold, dim: pc.dim }));
  if (keptLab !== undefined)
    lines.push('', `The lab ${keptLab} is up: \`./bin/meshproof down ${keptLab}\` removes it.`);
  const { status, summary } = report.verdict;
  const colour = status === 'healthy' ? pc.green : status === 'inconclusive' ? pc.yellow : pc.red;
  lines.push('', `${colour(pc.bold(summary))} — ${dir}/report.html`);
  process.stdout.write(`${lines.join('\n')}\n`);
}
