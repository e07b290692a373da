import type { App } from '../apps/app.ts';
import { loadApp } from '../apps/load-app.ts';
import { MeshproofError } from '../base/errors.ts';
import { silentProgress, type Progress } from '../base/progress.ts';
import { openExisting } from '../clusters/existing/open-existing.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { meshes, type MeshName } from '../meshes/index.ts';
import { rbacYaml } from '../verify/rbac.ts';
import { verifyRights } from '../verify/rights.ts';
import { verify } from '../verify/verify.ts';
import { defaults } from './defaults.ts';
import { resultOf, type Result } from './result.ts';
import { interruptible } from './run.ts';

export interface VerifySettings {
  /** Path; default: what KUBECONFIG names, else `~/.kube/config`. */
  kubeconfig?: string | undefined;
  /** Never taken from the file: the current one may be another by now. */
  context: string | undefined;
  /** What is looked at; beyond it only the mesh's own namespace and the health of the cluster. */
  namespace: string;
  /** Default: the one whose sidecars its pods have. */
  mesh?: MeshName | undefined;
  /** Which of several control planes. */
  meshRevision?: string | undefined;
  /** An app, or its file: edges that it declares are missed where nobody uses them. */
  app?: App | string | undefined;
  /** How long traffic is watched. */
  windowMs?: number | undefined;
  /** Share of a service's answers that may be 500 and above, 0..1. */
  errorsAtMost?: number | undefined;
  /** Requests to a service in the window, below which nothing is said of its errors. */
  minRequests?: number | undefined;
  reportsDir?: string | undefined;
  command?: readonly string[] | undefined;
  progress?: Progress | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * What can be said of a namespace that meshproof did not make, in a cluster that is somebody's: read, never written. What could not be
 * seen is without a conclusion.
 *
 * @throws MeshproofError MESHPROOF_USAGE, MESHPROOF_CREDENTIALS, MESHPROOF_RIGHTS, MESHPROOF_KUBE_API before anything was looked at
 */
export async function verifyNamespace(settings: VerifySettings): Promise<Result> {
  const { kubeconfig, context, namespace, mesh, meshRevision: revision, app, progress = silentProgress() } = settings;
  const entry = mesh && entryOf(mesh);
  const known = typeof app === 'string' ? await loadApp(app) : app;
  using stop = interruptible(settings.signal);
  using cluster = await openExisting({ kubeconfig, context });
  const outcome = await verify({
    ...{ cluster, namespace, mesh: entry, revision, progress, app: known },
    windowMs: settings.windowMs ?? defaults.verify.windowMs,
    bounds: {
      errorsAtMost: settings.errorsAtMost ?? defaults.verify.errorsAtMost,
      minRequests: settings.minRequests ?? defaults.verify.minRequests,
    },
    reportsDir: settings.reportsDir ?? defaults.reportsDir,
    command: [...(settings.command ?? ['verifyNamespace', namespace])],
    signal: stop.signal,
  });
  return resultOf(outcome);
}

/** A service account with the rights that `verifyNamespace` needs, as YAML to be applied. @throws MESHPROOF_USAGE as it */
export function verifyRbac({
  namespace,
  mesh,
  meshRevision: revision,
}: Pick<VerifySettings, 'namespace' | 'meshRevision'> & { mesh: MeshName }): string {
  return rbacYaml(verifyRights(namespace, entryOf(mesh), { revision }), namespace);
}

function entryOf(name: MeshName): MeshEntry {
  const entry: MeshEntry = meshes[name];
  if (entry.guestRights !== undefined) return entry;
  throw new MeshproofError(
    'MESHPROOF_USAGE',
    `${entry.title} cannot be verified in a cluster that is somebody’s yet`,
    'In a lab of meshproof’s own `meshproof check` and `meshproof edges` look at it.',
  );
}
