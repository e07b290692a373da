import { pollUntil } from '../base/poll.ts';
import type { Discovery } from './discovery.ts';
import { isHttpStatus } from './kube-api-error.ts';
import { repeat } from './repeat.ts';
import type { KubeObject } from './types.ts';

/** The API server takes a new kind in within a second or two; more where it serves many. */
const establishedTimeoutMs = 60_000;

export interface ApplyAccess {
  discovery: Discovery;
  get: (path: string) => Promise<KubeObject>;
  /** One server-side apply. */
  patch: (path: string, object: KubeObject) => Promise<unknown>;
}

/**
 * Applies objects in order, but namespaces and custom resource definitions first. An object whose kind is defined in the
 * same set waits until the API server serves that kind.
 */
export async function applyObjects(access: ApplyAccess, objects: readonly KubeObject[]): Promise<void> {
  const defined = new Map(
    objects.filter(isDefinition).map((crd) => [kindOf(crd.spec.group, crd.spec.names.kind), crd]),
  );
  for (const object of inOrder(objects)) {
    const crd = defined.get(kindOf(object.apiVersion.split('/', 1)[0], object.kind));
    if (crd !== undefined) await served(access, crd, object);
    const path = await access.discovery.pathOf(object);
    await repeat(`applying ${object.kind} ${object.metadata.name}`, () => access.patch(path, object));
  }
}

/** Stable: what belongs together stays in the order in which it was given. */
function inOrder(objects: readonly KubeObject[]): KubeObject[] {
  const first = (object: KubeObject): boolean => isDefinition(object) || isNamespace(object);
  return [
    ...objects.filter(isNamespace),
    ...objects.filter(isDefinition),
    ...objects.filter((object) => !first(object)),
  ];
}

function isNamespace({ apiVersion, kind }: KubeObject): boolean {
  return apiVersion === 'v1' && kind === 'Namespace';
}

function isDefinition({ apiVersion, kind }: KubeObject): boolean {
  return kind === 'CustomResourceDefinition' && apiVersion.startsWith('apiextensions.k8s.io/');
}

function kindOf(group: string | undefined, kind: string): string {
  return `${kind}.${group}`;
}

/** Established says that the names are taken; the API server's own list follows a moment later. */
async function served({ discovery, get }: ApplyAccess, crd: KubeObject, object: KubeObject): Promise<void> {
  const path = await discovery.pathOf(crd);
  await pollUntil(
    async () => {
      const conditions = ((await get(path)).status?.conditions ?? []) as {
        type: string;
        status: string;
        message?: string;
      }[];
      const established = conditions.find(({ type }) => type === 'Established');
      if (established?.status !== 'True') {
        const refused = conditions.find(({ type, status }) => type === 'NamesAccepted' && status === 'False');
        return { pending: refused?.message ?? established?.message ?? 'it is not Established yet' };
      }
      try {
        await discovery.collectionPathOf(object);
        return { ready: undefined };
      } catch (error) {
        if (isHttpStatus(error, 404)) return { pending: `${object.apiVersion} is not served yet` };
        throw error;
      }
    },
    {
      what: `the kind ${crd.metadata.name}`,
      timeoutMs: establishedTimeoutMs,
      code: 'MESHPROOF_KUBE_API',
      hint: `Look at it: kubectl get crd ${crd.metadata.name} -o yaml`,
    },
  );
}
