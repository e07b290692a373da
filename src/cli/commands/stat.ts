import { Argument, Option } from 'commander';
import { liveCommand, lookAtLab, printView, type LiveOptions } from '../live.ts';
import { windowOption } from '../options.ts';

interface Options extends LiveOptions {
  per: 'service' | 'pod';
  window: number;
}

export function statCommand() {
  return liveCommand('stat', 'show success rate, requests a second and latency of each service, by its proxies')
    .addArgument(new Argument('[what]', 'what has a row').choices(['services', 'pods', 'routes']).default('services'))
    .addOption(new Option('--per <unit>', 'a row for each').choices(['service', 'pod']).default('service'))
    .addOption(windowOption())
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof stat --lab dev
  $ ./bin/meshproof stat pods --lab dev --window 30s
  $ ./bin/meshproof stat routes --lab dev            the same as \`meshproof routes\`

A dash stands where nothing was measured: without requests there is no success rate.`,
    )
    .action(async (what: string, options: Options) => {
      await lookAtLab(options, async (lab, { progress, signal }) => {
        const { json, window: windowMs } = options;
        const watched = `watching traffic for ${windowMs / 1000} s`;
        if (what === 'routes') {
          const { showRoutes } = await import('./routes.ts');
          await showRoutes(lab, { windowMs, json }, { progress, signal });
          return;
        }
        const [{ seeStat }, { statTable }] = await Promise.all([
          import('../../views/see-traffic.ts'),
          import('../../views/stat.ts'),
        ]);
        const by = what === 'pods' ? 'pod' : options.per;
        const view = await progress.step(watched, () => seeStat(lab, { by, windowMs, signal }));
        printView(view, statTable, { json, progress });
      });
    });
}
