import { systemClock, type Clock } from '../base/clock.ts';
import { KubeApiError } from './kube-api-error.ts';

/** What an object says of itself; a namespaced one without a namespace is in `default`, as with kubectl. */
export interface ObjectName {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string | undefined };
}

interface ApiResource {
  /** Plural, as in paths; with a slash for a subresource. */
  name: string;
  kind: string;
  namespaced: boolean;
}

/** A failed look is not remembered; one that lacks a kind is made anew after this. */
const staleAfterMs = 200;

/**
 * Where objects are found on this cluster, as its API server says (`/api/v1`, `/apis/<group>/<version>`, each an
 * APIResourceList): plurals and scopes of custom kinds cannot be guessed. Lists are kept, and read anew when a kind is
 * not in them.
 */
export class Discovery {
  readonly #read: (path: string) => Promise<unknown>;
  readonly #clock: Clock;
  readonly #lists = new Map<string, { at: number; resources: Promise<ApiResource[]> }>();

  constructor(read: (path: string) => Promise<unknown>, clock: Clock = systemClock) {
    this.#read = read;
    this.#clock = clock;
  }

  /** `/apis/apps/v1/namespaces/default/deployments/trips` @throws KubeApiError 404 for a kind that the cluster does not know */
  async pathOf(object: ObjectName): Promise<string> {
    return `${await this.collectionPathOf(object)}/${object.metadata.name}`;
  }

  /** Where objects of this kind are created and listed. @throws as pathOf */
  async collectionPathOf({
    apiVersion,
    kind,
    metadata,
  }: Omit<ObjectName, 'metadata'> & { metadata: { namespace?: string | undefined } }): Promise<string> {
    const { name, namespaced } = await this.#resourceOf(apiVersion, kind);
    const namespace = namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${rootOf(apiVersion)}${namespace}/${name}`;
  }

  async #resourceOf(apiVersion: string, kind: string): Promise<ApiResource> {
    const find = async (notBefore: number): Promise<ApiResource | undefined> =>
      (await this.#list(apiVersion, notBefore)).find((one) => one.kind === kind && !one.name.includes('/'));
    const found = (await find(-Infinity)) ?? (await find(this.#clock.monotonicMs() - staleAfterMs));
    if (found) return found;
    throw new KubeApiError({
      call: `GET ${rootOf(apiVersion)}`,
      httpStatus: 404,
      reason: 'NoKindMatch',
      message: `the cluster does not know the kind ${kind} in ${apiVersion}`,
    });
  }

  #list(apiVersion: string, notBefore: number): Promise<ApiResource[]> {
    const known = this.#lists.get(apiVersion);
    if (known && known.at >= notBefore) return known.resources;
    const resources = this.#read(rootOf(apiVersion)).then(
      (list) => (list as { resources?: ApiResource[] }).resources ?? [],
    );
    const entry = { at: this.#clock.monotonicMs(), resources };
    this.#lists.set(apiVersion, entry);
    resources.catch(() => {
      if (this.#lists.get(apiVersion) === entry) this.#lists.delete(apiVersion);
    });
    return resources;
  }
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
