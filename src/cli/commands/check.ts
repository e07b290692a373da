import { Option } from 'commander';
import { pc } from '../colors.ts';
import { liveCommand, lookAtLab, type LiveOptions } from '../live.ts';
import type { Status } from '../../judge/assertion.ts';

interface Options extends LiveOptions {
  proxy?: boolean | undefined;
}

const headings = new Map([
  ['kubernetes', 'Kubernetes'],
  ['workloads', 'Workloads'],
  ['dns', 'DNS'],
  ['mesh', 'Mesh'],
  ['certificates', 'Certificates'],
  ['lab', 'Lab'],
]);

export function checkCommand() {
  return liveCommand('check', 'check the health of a lab: cluster, mesh and application, as a run does')
    .addOption(new Option('--proxy', 'only the data plane: sidecar and certificate of each pod'))
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof check --lab dev
  $ ./bin/meshproof check --lab dev --proxy          a line for each pod
  $ ./bin/meshproof check --lab dev --json | jq '.[] | select(.status != "pass")'

Exit codes: 0 all is well, 1 a check failed, 3 one did not work, 4 one could not be decided.`,
    )
    .action(async (options: Options) => {
      await lookAtLab(options, async (lab, { progress, signal }) => {
        const [{ checkDataPlane, checkLab }, { checkExitCode, checkText }] = await Promise.all([
          import('../../views/check.ts'),
          import('../../views/check-text.ts'),
        ]);
        const checks = await progress.step('checks', () => (options.proxy ? checkDataPlane : checkLab)(lab, signal));
        const categories = options.proxy ? new Map([['mesh', 'Data plane']]) : headings;
        process.stdout.write(
          `${options.json ? JSON.stringify(checks, null, 2) : checkText(checks, { categories, paint })}\n`,
        );
        process.exitCode = checkExitCode(checks);
      });
    });
}

const colours = { pass: pc.green, fail: pc.red, error: pc.red, invalid: pc.yellow, skipped: pc.dim };

function paint(status: Status, mark: string): string {
  return colours[status](mark);
}
