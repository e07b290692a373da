import { Command, InvalidArgumentError, Option } from 'commander';
import { assertionTable, troubleLines } from '../../library/lines.ts';
import type { Result } from '../../library/result.ts';
import { MeshproofError } from '../../base/errors.ts';
import { defaults, meshNames } from '../../library/defaults.ts';
import type { MeshName } from '../../meshes/index.ts';
import { watchInterrupts } from '../../run/interrupt.ts';
import { pc } from '../colors.ts';
import { jsonOption, parseCount, parseDuration, reportsOption } from '../options.ts';
import { mark } from '../print.ts';
import { consoleProgress } from '../progress.ts';

interface Options {
  kubeconfig?: string | undefined;
  context?: string | undefined;
  namespace?: string | undefined;
  mesh?: MeshName | undefined;
  meshRevision?: string | undefined;
  app?: string | undefined;
  window: number;
  errorsAtMost: number;
  minRequests: number;
  rbac?: boolean | undefined;
  reports: string;
  json?: boolean | undefined;
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'look at a namespace of a cluster that is there, and say what is proven: read-only, nothing is injected',
    )
    .addOption(new Option('--kubeconfig <file>', 'default: what KUBECONFIG names, else ~/.kube/config'))
    .addOption(new Option('--context <name>', 'context of the kubeconfig; it must be named'))
    .addOption(new Option('--namespace <namespace>', 'what is looked at; it must be named, but for --rbac'))
    .addOption(
      new Option(
        '--mesh <mesh>',
        'mesh that its pods should be in (default: the one whose sidecars they have)',
      ).choices(meshNames),
    )
    .addOption(new Option('--mesh-revision <name>', 'which of several control planes'))
    .addOption(new Option('--app <file>', 'app file: edges that it declares are missed where nobody uses them'))
    .addOption(
      new Option('--window <duration>', 'how long traffic is watched')
        .argParser(parseDuration)
        .default(defaults.verify.windowMs, '30s'),
    )
    .addOption(
      new Option('--errors-at-most <percent>', 'answers of a service that may be 500 and above')
        .argParser(parsePercent)
        .default(defaults.verify.errorsAtMost, '1'),
    )
    .addOption(
      new Option('--min-requests <n>', 'requests to a service in the window, below which its errors say nothing')
        .argParser(parseCount)
        .default(defaults.verify.minRequests),
    )
    .addOption(
      new Option(
        '--rbac',
        `print the rights that it needs, as YAML to be applied, and look at nothing (without --mesh: for ${defaults.mesh})`,
      ),
    )
    .addOption(reportsOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof verify --rbac --namespace shop --mesh NAME | kubectl apply -f -
  $ ./bin/meshproof verify --context prod-like --namespace shop
  $ ./bin/meshproof verify --kubeconfig shop.yaml --context reader --namespace shop --window 5m
  $ ./bin/meshproof verify --context prod-like --namespace shop --json | jq -r .verdict.summary

Exit codes: 0 healthy, 1 something is wrong, 2 usage, 3 it could not be looked at, 4 something could not be decided.`,
    )
    .action(async (options: Options) => {
      const { namespace, mesh } = options;
      const { verifyNamespace, verifyRbac } = await import('../../library/verify.ts');
      if (options.rbac === true) {
        process.stdout.write(
          verifyRbac({
            namespace: namespace ?? 'default',
            mesh: mesh ?? defaults.mesh,
            meshRevision: options.meshRevision,
          }),
        );
        return;
      }
      if (namespace === undefined)
        throw new MeshproofError(
          'MESHPROOF_USAGE',
          'No namespace is named',
          'Give --namespace: what is to be looked at.',
        );
      using progress = consoleProgress({ timings: [] });
      using interrupts = watchInterrupts({ onFirst: () => {}, onSecond: () => process.exit(130) });
      const { kubeconfig, context, meshRevision, app, window: windowMs, errorsAtMost, minRequests } = options;
      const result = await verifyNamespace({
        ...{ kubeconfig, context, namespace, mesh, meshRevision, app, windowMs, errorsAtMost, minRequests },
        reportsDir: options.reports,
        command: ['meshproof', ...process.argv.slice(2)],
        progress,
        signal: interrupts.signal,
      });
      progress[Symbol.dispose]();
      print(result, options);
      process.exitCode = result.verdict.exitCode;
    });
}

function print(result: Result, { json }: Options): void {
  const { report, dir, verdict, assertions } = result;
  if (json === true) {
    const rows = assertions.map(({ id, title, status, observed, hint }) => ({ id, title, status, observed, hint }));
    const all = { verdict, assertions: rows, health: report.health.before?.checks, report: `${dir}/report.json` };
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  const colour = verdict.status === 'healthy' ? pc.green : verdict.status === 'inconclusive' ? pc.yellow : pc.red;
  const lines = [
    ...['', assertionTable(result)],
    ...troubleLines(result, { mark, bold: pc.bold, dim: pc.dim }),
    ...['', `${colour(pc.bold(verdict.summary))} — ${dir}/report.html`],
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** `1`, `0.5`, `2%`; returns a share. */
function parsePercent(value: string): number {
  const share = Number(value.replace(/\s*%$/, '')) / 100;
  if (value.trim() === '' || !(share >= 0 && share <= 1))
    throw new InvalidArgumentError('expected a percentage, 0 to 100.');
  return share;
}
