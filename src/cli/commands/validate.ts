import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { MeshproofError } from '../../base/errors.ts';
import { formatFinding, type Finding } from '../../base/yaml-file.ts';
import type { Catalogue } from '../../scenario/load.ts';
import { jsonOption } from '../options.ts';

export function validateCommand(): Command {
  return new Command('validate')
    .description('check scenario and app files without running anything')
    .argument('[files...]', 'scenario, suite or app files (default: all that come with meshproof)')
    .addOption(new Option('--app <file>', 'check that the services which scenarios name are those of this app'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ ./bin/meshproof validate\n  $ ./bin/meshproof validate my-scenario.yaml\n  $ ./bin/meshproof validate shop/app.yaml',
    )
    .action(async (files: string[], options: { app?: string; json?: boolean }) => {
      const [{ catalogue, parseFile }, { appCatalogue, checkApp, isAppFile, loadApp }] = await Promise.all([
        import('../../scenario/load.ts'),
        import('../../apps/load-app.ts'),
      ]);
      const all = files.length > 0 ? files : [...everything(await catalogue()), ...(await appCatalogue()).values()];
      const app = options.app === undefined ? undefined : await loadApp(options.app);
      const services = app?.services.map(({ name }) => name);
      const findings: Finding[] = [];
      for (const file of all) {
        const text = await readFile(file, 'utf8').catch((error: unknown) => {
          throw new MeshproofError('MESHPROOF_SCENARIO_UNKNOWN', `${file} cannot be read`, 'Check the path.', {
            cause: error,
          });
        });
        findings.push(...(isAppFile(text) ? await checkApp(text, file) : parseFile(text, file, services).findings));
      }
      if (options.json) process.stdout.write(`${JSON.stringify({ files: all, findings }, null, 2)}\n`);
      else {
        for (const finding of findings) process.stdout.write(`${formatFinding(finding)}\n`);
        process.stdout.write(`${all.length} files, ${findings.length} problems\n`);
      }
      if (findings.length > 0) process.exitCode = 2;
    });
}

function everything({ scenarios, suites }: Catalogue): string[] {
  return [...scenarios.values(), ...suites.values()];
}
