import { Command } from 'commander';
import { jsonOption } from '../options.ts';

export function reportCommand(): Command {
  const command = new Command('report').description('work with reports');
  command
    .command('check')
    .description('re-check a report offline: digests, and every assertion judged again from its evidence')
    .argument('<dir>', 'folder of a run, e.g. reports/latest')
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  $ ./bin/meshproof report check reports/latest')
    .exitOverride()
    .action(async (dir: string, options: { json?: boolean }) => {
      const { checkReport } = await import('../../judge/verdict/check-report.ts');
      const { problems, assertions, evidenceFiles } = await checkReport(dir);
      if (options.json) process.stdout.write(`${JSON.stringify({ problems, assertions, evidenceFiles }, null, 2)}\n`);
      else {
        for (const problem of problems) process.stdout.write(`✗ ${problem}\n`);
        process.stdout.write(
          problems.length === 0
            ? `The report says what its evidence says: ${assertions} assertions judged again, ${evidenceFiles} files.\n`
            : `${problems.length} problems: this report cannot be trusted.\n`,
        );
      }
      if (problems.length > 0) process.exitCode = 1;
    });
  return command;
}
