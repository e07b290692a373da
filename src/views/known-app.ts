import type { App } from '../apps/app.ts';
import { appCatalogue, loadApp } from '../apps/load-app.ts';

/**
 * The app that runs in a namespace: of the file that is given, or of those that come with meshproof. Undefined where it is not
 * known: then only what was seen can be shown, not what was declared.
 *
 * @param apps ids of those that the lab was given
 * @throws as loadApp, for a file that is given
 */
export async function knownApp(
  { namespace, apps }: { namespace: string; apps: readonly string[] },
  asked: string | undefined,
): Promise<App | undefined> {
  if (asked !== undefined) return loadApp(asked);
  const catalogue = await appCatalogue();
  for (const id of apps.filter((each) => catalogue.has(each))) {
    const app = await loadApp(id);
    if (app.namespace === namespace) return app;
  }
  return undefined;
}
