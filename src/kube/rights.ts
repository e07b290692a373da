import pLimit from 'p-limit';
import { repeat } from './repeat.ts';
import type { KubeClient } from './types.ts';

/** Something that a user must be allowed to do, and what for. */
export type Right = ResourceRight | UrlRight;

export interface ResourceRight {
  verb: 'get' | 'list' | 'create';
  /** As a Role has it: `pods`, `pods/portforward`. */
  resource: string;
  /** API group; left out: the core one. */
  group?: string | undefined;
  /** Left out: of the cluster, or in every namespace. */
  namespace?: string | undefined;
  /** Only the one of this name. */
  name?: string | undefined;
  why: string;
}

/** A path that belongs to no resource. */
export interface UrlRight {
  verb: 'get';
  url: string;
  why: string;
}

const atOnce = 6;

/**
 * Asks the API server itself which of these the user lacks. A review is a question: nothing of it is stored, and whoever is logged
 * in may ask it of himself.
 */
export async function missingRights(kube: Pick<KubeClient, 'create'>, rights: readonly Right[]): Promise<Right[]> {
  const limit = pLimit(atOnce);
  const allowed = await Promise.all(
    rights.map((right) =>
      limit(() =>
        repeat(rightText(right), async () => {
          const { status } = await kube.create({
            apiVersion: 'authorization.k8s.io/v1',
            kind: 'SelfSubjectAccessReview',
            metadata: {} as never,
            spec: attributesOf(right),
          });
          return (status as { allowed?: boolean } | undefined)?.allowed === true;
        }),
      ),
    ),
  );
  return rights.filter((_, index) => !allowed[index]);
}

function attributesOf(right: Right): object {
  if ('url' in right) return { nonResourceAttributes: { path: right.url, verb: right.verb } };
  const [resource, subresource] = right.resource.split('/');
  const { verb, group, namespace, name } = right;
  return { resourceAttributes: { verb, group, resource, subresource, namespace, name } };
}

/** `list deployments.apps in namespace shop` */
export function rightText(right: Right): string {
  if ('url' in right) return `${right.verb} ${right.url}`;
  const { verb, resource, group, namespace, name } = right;
  const what = group === undefined ? resource : `${resource}.${group}`;
  const where = namespace === undefined ? 'in the whole cluster' : `in namespace ${namespace}`;
  return `${verb} ${what}${name === undefined ? '' : ` ${name}`} ${where}`;
}
