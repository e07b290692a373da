import { liveCommand, lookAtLab, printView, type LiveOptions } from '../live.ts';
import { knownAppOption } from '../options.ts';

interface Options extends LiveOptions {
  app?: string | undefined;
}

export function edgesCommand() {
  return liveCommand('edges', 'show who calls whom, with which identities, and whether by mutual TLS')
    .addOption(knownAppOption())
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof edges --lab dev
  $ ./bin/meshproof edges --lab dev --json | jq '.[] | select(.secured == false)'

This is what the proxies say, since they started. The proof from the packets is \`meshproof run mtls-everywhere\`.`,
    )
    .action(async ({ app: asked, json, ...options }: Options) => {
      await lookAtLab(options, async (lab, { progress, signal }) => {
        const [{ seeAllEdges }, { edgesTable }, { knownApp }] = await Promise.all([
          import('../../views/see-traffic.ts'),
          import('../../views/edges.ts'),
          import('../../views/known-app.ts'),
        ]);
        const app = await knownApp(lab, asked);
        printView(await seeAllEdges(lab, { app, signal }), edgesTable, { json, progress });
      });
    });
}
