import { randomBytes } from 'node:crypto';
import type { Progress } from '../base/progress.ts';
import type { RollbackHandle, RollbackRegistrar } from '../base/rollback-registrar.ts';
import type { ImageMap } from '../images/image.ts';
import { getIfThere } from '../kube/get-if-there.ts';
import { containerStatuses, isReady, isTerminating } from '../kube/pod-status.ts';
import type { KubeClient, KubeObject, PodRef } from '../kube/types.ts';
import { loadPod } from './load-pod.ts';
import { podReady, startError } from './pod-ready.ts';

/** What load pods need of the lab. */
export interface PodContext {
  kube: KubeClient;
  images: ImageMap;
  /** Puts the objects into the mesh; identity for unmeshed load. */
  inject: (objects: KubeObject[]) => KubeObject[];
  progress: Progress;
  signal: AbortSignal;
}

/** Which load pods are wanted. */
export interface WantedPods {
  /** Service account and `app` label: the identity in the mesh. */
  client: string;
  namespace: string;
  count: number;
  /** Only pods that no load has used before. */
  fresh?: boolean | undefined;
}

/** A load pod that is up. Whoever took it either puts it back or removes it. */
export interface LoadPod {
  ref: PodRef;
  /** Pods of one kind can stand in for one another. */
  kind: string;
  removal: RollbackHandle;
}

/**
 * The load pods of a run. A pod and its sidecar take seconds to start, and one that served a load well serves the next one as
 * well: it is kept. Each is recorded for rollback before it is made; what is kept goes when everything is taken back.
 */
export class LoadPods {
  readonly #rollback: RollbackRegistrar;
  readonly #idle: LoadPod[] = [];
  readonly #accounts = new Map<string, Promise<void>>();

  constructor(rollback: RollbackRegistrar) {
    this.#rollback = rollback;
  }

  /**
   * Pods that are ready and meshed as the context says: kept ones, and new ones for the rest.
   *
   * @throws MeshproofError MESHPROOF_LOAD_START with the reason of the pod that did not come up; no new one is left then
   */
  async take(wanted: WantedPods, context: PodContext): Promise<LoadPod[]> {
    const { client, namespace, count, fresh = false } = wanted;
    const image = context.images['k6']?.ref;
    if (image === undefined) throw startError('the image `k6` is not there', 'Load the images of the lab first.');
    const meshed = (name: string): KubeObject[] => context.inject([loadPod({ name, namespace, client, image })]);
    // The manifest itself, but for the name: identity, labels and sidecar are the same then.
    const kind = JSON.stringify(meshed(''));
    const kept = fresh ? [] : await this.#takeKept(kind, count, context.kube);
    try {
      await this.#account({ client, namespace }, context.kube);
      return [
        ...kept,
        ...(await this.#start({ client, namespace, count: count - kept.length, kind, meshed }, context)),
      ];
    } catch (error) {
      for (const pod of kept) this.putBack(pod);
      throw error;
    }
  }

  /** For a pod whose load went well; the next one that wants its kind gets it. */
  putBack(pod: LoadPod): void {
    this.#idle.push(pod);
  }

  /** @throws when it is still there after the budget of a rollback; it is tried again when everything is taken back */
  async remove(pod: LoadPod): Promise<void> {
    await pod.removal.run();
  }

  async #takeKept(kind: string, count: number, kube: KubeClient): Promise<LoadPod[]> {
    const found: LoadPod[] = [];
    while (found.length < count) {
      const index = this.#idle.findIndex((pod) => pod.kind === kind);
      const [pod] = index < 0 ? [] : this.#idle.splice(index, 1);
      if (pod === undefined) break;
      if (await asItWas(kube, pod.ref)) found.push(pod);
      else await this.remove(pod);
    }
    return found;
  }

  async #start(
    {
      client,
      namespace,
      count,
      kind,
      meshed,
    }: WantedPods & Pick<LoadPod, 'kind'> & { meshed: (name: string) => KubeObject[] },
    { kube, progress, signal }: PodContext,
  ): Promise<LoadPod[]> {
    if (count === 0) return [];
    const names = Array.from({ length: count }, () => `${client}-load-${randomBytes(4).toString('hex')}`);
    const made: { name: string; removal: RollbackHandle }[] = [];
    try {
      for (const name of names) {
        const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
        const what = `load pod ${namespace}/${name}`;
        made.push({ name, removal: await recordRemoval(this.#rollback, kube, { what, path }) });
      }
      return await progress.step(`load pods of ${client}`, async (detail) => {
        await kube.apply(names.flatMap(meshed));
        return await Promise.all(
          made.map(async ({ name, removal }) => ({
            ref: await podReady(kube, namespace, name, signal, detail),
            kind,
            removal,
          })),
        );
      });
    } catch (error) {
      await Promise.all(made.map(({ removal }) => removal.run()));
      throw error;
    }
  }

  /** An account that was there before stays. */
  async #account({ client, namespace }: Pick<WantedPods, 'client' | 'namespace'>, kube: KubeClient): Promise<void> {
    const key = `${namespace}/${client}`;
    const there =
      this.#accounts.get(key) ??
      makeAccount(this.#rollback, kube, { client, namespace, onRemoved: () => this.#accounts.delete(key) });
    this.#accounts.set(key, there);
    try {
      await there;
    } catch (error) {
      this.#accounts.delete(key);
      throw error;
    }
  }
}

async function makeAccount(
  rollback: RollbackRegistrar,
  kube: KubeClient,
  { client, namespace, onRemoved }: Pick<WantedPods, 'client' | 'namespace'> & { onRemoved: () => unknown },
): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${client}`;
  if ((await getIfThere(kube, path)) !== undefined) return;
  await recordRemoval(rollback, kube, { what: `service account ${namespace}/${client}`, path, onRemoved });
  await kube.apply([{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: client, namespace } }]);
}

function recordRemoval(
  rollback: RollbackRegistrar,
  kube: KubeClient,
  { what, path, onRemoved }: { what: string; path: string; onRemoved?: () => unknown },
): Promise<RollbackHandle> {
  // A load pod has nothing to finish: its sidecar need not drain.
  const undo = async (): Promise<void> => {
    await kube.delete(path, { gracePeriodSeconds: 0 });
    onRemoved?.();
  };
  return rollback.record({ what, injector: 'api', args: { delete: path }, undo });
}

/** Still the pod that was put back, ready, and none of its containers was started anew: its counters and its clock went on. */
async function asItWas(kube: KubeClient, ref: PodRef): Promise<boolean> {
  const pod = await getIfThere(kube, `/api/v1/namespaces/${ref.namespace}/pods/${ref.name}`);
  if (pod === undefined || pod.metadata.uid !== ref.uid || isTerminating(pod) || !isReady(pod)) return false;
  return containerStatuses(pod).every(({ restartCount = 0 }) => restartCount === 0);
}
