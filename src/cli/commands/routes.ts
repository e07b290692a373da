import type { AttachedLab } from '../../lab/attach-lab.ts';
import { liveCommand, lookAtLab, printView, type LiveOptions, type Looking } from '../live.ts';
import { knownAppOption, windowOption } from '../options.ts';

interface Options extends LiveOptions {
  app?: string | undefined;
  window: number;
}

export function routesCommand() {
  return liveCommand('routes', 'show each call between services: with and without retries, and the rules in force')
    .argument('[service]', 'only calls from or to it')
    .addOption(windowOption())
    .addOption(knownAppOption())
    .addHelpText(
      'after',
      `
Examples:
  $ ./bin/meshproof routes --lab dev
  $ ./bin/meshproof routes trips --lab dev --window 30s

EFFECTIVE is what the caller gets after retries, ACTUAL what goes out to the service: each try counts. RETRIES and TIMEOUT
are what the callers' proxies have in force. Proxies count by service: a route of its own shows its rules only.`,
    )
    .action(async (service: string | undefined, { app, json, window: windowMs, ...options }: Options) => {
      await lookAtLab(options, (lab, looking) => showRoutes(lab, { service, app, json, windowMs }, looking));
    });
}

export async function showRoutes(
  lab: AttachedLab,
  options: {
    service?: string | undefined;
    app?: string | undefined;
    json: boolean | undefined;
    windowMs: number;
  },
  { progress, signal }: Looking,
): Promise<void> {
  const [{ seeRoutes }, { routesTable }, { knownApp }] = await Promise.all([
    import('../../views/see-traffic.ts'),
    import('../../views/routes.ts'),
    import('../../views/known-app.ts'),
  ]);
  const { service, json, windowMs } = options;
  const app = await knownApp(lab, options.app);
  const view = await progress.step(`watching traffic for ${windowMs / 1000} s`, () =>
    seeRoutes(lab, { service, app, windowMs, signal }),
  );
  printView(view, routesTable, { json, progress });
}
