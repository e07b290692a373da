import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { toMeshproofError } from '../base/errors.ts';
import { appCommand } from './commands/app.ts';
import { capabilitiesCommand } from './commands/capabilities.ts';
import { checkCommand } from './commands/check.ts';
import { doctorCommand } from './commands/doctor.ts';
import { downCommand } from './commands/down.ts';
import { edgesCommand } from './commands/edges.ts';
import { overheadCommand } from './commands/overhead.ts';
import { reportCommand } from './commands/report.ts';
import { routesCommand } from './commands/routes.ts';
import { runCommandDefinition } from './commands/run.ts';
import { smiCommand } from './commands/smi.ts';
import { statCommand } from './commands/stat.ts';
import { statusCommand } from './commands/status.ts';
import { tapCommand } from './commands/tap.ts';
import { topCommand } from './commands/top.ts';
import { upCommand } from './commands/up.ts';
import { validateCommand } from './commands/validate.ts';
import { verifyCommand } from './commands/verify.ts';
import { listCommand } from './commands/list.ts';
import { printError } from './print.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('meshproof')
  .description('Proves, on a real Kubernetes cluster, that a service mesh does what a team says it does.')
  .version(version)
  .showHelpAfterError('(run with --help for usage)')
  .showSuggestionAfterError()
  .exitOverride()
  .addHelpText(
    'after',
    `
Examples:
  $ npm start                                            the whole suite on a throw-away lab, then a report
  $ ./bin/meshproof run retries-recover-errors           one scenario
  $ ./bin/meshproof up --lab dev                         a lab that stays; later runs with --lab dev use it
  $ ./bin/meshproof verify --context NAME --namespace shop
                                                         look at a namespace of your own, read-only
  $ ./bin/meshproof report check reports/latest          re-check a report from its evidence, offline

Exit codes: 0 pass, 1 an assertion or health check failed, 2 usage or bad scenario, 3 environment, 4 inconclusive, 130 interrupted.`,
  );

// Each loads what it needs when it is run: `--help` and `status` are not to wait for a Kubernetes client and a chart library.
for (const command of [
  runCommandDefinition,
  upCommand,
  downCommand,
  statusCommand,
  verifyCommand,
  checkCommand,
  statCommand,
  routesCommand,
  edgesCommand,
  topCommand,
  tapCommand,
  doctorCommand,
  validateCommand,
  listCommand,
  capabilitiesCommand,
  overheadCommand,
  smiCommand,
  appCommand,
  reportCommand,
]) {
  program.addCommand(command().exitOverride().showHelpAfterError('(run with --help for usage)'));
}

// `meshproof … | head` closes the pipe: that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  die(error);
});
// Node would end with 1, which says that an assertion failed.
process.on('uncaughtException', die);
process.on('unhandledRejection', die);

function die(error: unknown): never {
  const known = toMeshproofError(error);
  printError(known);
  process.exit(known.exitCode);
}

/** A connection to something that is gone may never end by itself; the verdict is out, and a pipeline waits for the exit code. */
const exitGraceMs = 2000;

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    const known = toMeshproofError(error);
    printError(known);
    process.exitCode = known.exitCode;
  }
}
setTimeout(() => process.exit(), exitGraceMs).unref();
