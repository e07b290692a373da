import { Command, Option } from 'commander';
import { table } from '../../base/table.ts';
import { MeshproofError } from '../../base/errors.ts';
import { watchInterrupts } from '../../run/interrupt.ts';
import { hostLimits, limitProblem } from '../../tools/host-limits.ts';
import { checkPlatform } from '../../tools/platform.ts';
import type { MeshEntry } from '../../meshes/define-mesh.ts';
import type { MeshName } from '../../meshes/index.ts';
import { jsonOption, meshDialectOption, meshOption } from '../options.ts';
import { mark, printError } from '../print.ts';
import { consoleProgress } from '../progress.ts';

interface Options {
  fetch?: boolean;
  tests?: boolean;
  mesh: MeshName;
  meshDialect?: string;
  json?: boolean;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('show what this machine has and what would get the rest; --fetch gets it')
    .addOption(new Option('--fetch', 'download or build every tool into the cache now'))
    .addOption(new Option('--tests', 'with the tools that only the tests need (Chromium, every mesh)'))
    .addOption(meshOption())
    .addOption(meshDialectOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ ./bin/meshproof doctor\n  $ ./bin/meshproof doctor --fetch     # warms the cache of a CI image',
    )
    .action(async (options: Options) => {
      const [clusters, { meshes }, { checkOwnMesh, toolsOf }, { fetchAll, inspectTools }, { createToolbox }] =
        await Promise.all([
          import('../../clusters/detect.ts'),
          import('../../meshes/index.ts'),
          import('../../lab/own-mesh.ts'),
          import('../../tools/doctor.ts'),
          import('../../tools/toolbox.ts'),
        ]);
      const { chooseProvider, detectProviders } = clusters;
      const mesh: MeshEntry = meshes[options.mesh];
      const chosen = { dialect: options.meshDialect };
      await checkOwnMesh(chosen, { mesh, lab: undefined });
      using progress = consoleProgress({ timings: [] });
      using interrupts = watchInterrupts({ onFirst: () => {}, onSecond: () => process.exit(130) });
      const toolbox = createToolbox({ progress, signal: interrupts.signal });
      if (options.fetch) await fetchAll(toolbox, { tests: options.tests === true, also: toolsOf(mesh, chosen) });
      const [tools, providers] = await Promise.all([inspectTools(toolbox), detectProviders()]);
      const platform = await problemOf(async () => {
        checkPlatform();
        await chooseProvider('auto', providers);
      });
      const limits = hostLimits();
      const tooLow = limitProblem(limits);
      progress[Symbol.dispose]();
      if (options.json) {
        const problem = platform && { code: platform.code, message: platform.message, hint: platform.hint };
        process.stdout.write(`${JSON.stringify({ platform: problem ?? 'ok', providers, limits, tools }, null, 2)}\n`);
      } else {
        process.stdout.write(
          `Cluster providers\n${table(providers.map(({ provider, usable, reason }) => [mark(usable ? 'pass' : 'skipped'), provider, reason]))}\n\n`,
        );
        process.stdout.write(
          `Limits of this host\n${table(
            limits.map(({ enough, what, limit, used, needed }) => [
              mark(enough ? 'pass' : 'fail'),
              what,
              Number.isFinite(limit) ? `${limit}` : 'unlimited',
              `${used} used`,
              `a lab needs ${needed}`,
            ]),
          )}\n\n`,
        );
        process.stdout.write(
          `Tools (cache: ${toolbox.cacheDir})\n${table(
            tools.map((tool) => [
              mark(tool.status === 'found' ? 'pass' : 'skipped'),
              tool.name,
              tool.version ?? `(${tool.wanted})`,
              tool.licence,
              tool.origin === undefined ? '' : `${tool.origin}${tool.cached ? ', cached' : ''}`,
              tool.where ?? tool.would ?? tool.reasons.join('; '),
            ]),
          )}\n`,
        );
      }
      for (const problem of [platform, tooLow]) {
        if (problem === undefined) continue;
        if (!options.json) printError(problem);
        process.exitCode = problem.exitCode;
      }
    });
}

async function problemOf(check: () => Promise<void>): Promise<MeshproofError | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    if (error instanceof MeshproofError) return error;
    throw error;
  }
}
