import { answerProblem } from '../../fixtures/k6/answer.ts';
import { messageOf } from '../base/errors.ts';
import { pollUntil } from '../base/poll.ts';
import type { ImageMap } from '../images/image.ts';
import { isReady, isTerminating } from '../kube/pod-status.ts';
import { podRef, readyPods } from '../kube/pods.ts';
import type { KubeClient, KubeObject, PodRef } from '../kube/types.ts';
import { labelSelector, selects } from '../kube/selector.ts';
import { waitForDeployments } from '../kube/wait.ts';
import type { App, AppService, RunningApp } from './app.ts';
import { isWorkload, workloadBehind } from './service-facts.ts';

export interface AppInLab {
  kube: KubeClient;
  namespace: string;
  meshed: boolean;
}

export interface DeployOptions extends AppInLab {
  images: ImageMap;
  /** At most this many of each workload; default: as its manifest says. */
  replicas?: number | undefined;
  /** What else goes into its namespace, e.g. the probe pods. */
  extra?: readonly KubeObject[] | undefined;
  /** Puts objects into the mesh; left out for an unmeshed twin. */
  inject?: ((objects: KubeObject[]) => KubeObject[]) | undefined;
}

/**
 * Applies an app's objects in a namespace of its own; it need not answer yet.
 *
 * @throws TypeError for an app that meshproof does not deploy
 */
export async function deployApp(app: App, options: DeployOptions): Promise<RunningApp> {
  const { kube, namespace, images, replicas, extra = [], inject = (objects) => objects } = options;
  if (app.manifests === undefined) throw new TypeError(`${app.id} is not deployed by meshproof`);
  await kube.apply(inject([...(await app.manifests({ namespace, images, replicas })), ...extra]));
  return runningApp(app, options);
}

/**
 * What an app's file leaves to its Services is looked up, for one that somebody else deployed.
 *
 * @throws MeshproofError MESHPROOF_APP_INVALID for a service that is not there
 */
export async function completeApp(app: App, kube: KubeClient): Promise<App> {
  return app.resolve === undefined ? app : app.resolve(await namespaceObjects(kube, app.namespace));
}

/** Services and workloads of a namespace. */
export async function namespaceObjects(kube: KubeClient, namespace: string): Promise<KubeObject[]> {
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  const lists = await Promise.all(
    [
      `/api/v1/namespaces/${namespace}/services`,
      `${apps}/deployments`,
      `${apps}/statefulsets`,
      `${apps}/daemonsets`,
    ].map((path) => kube.list(path)),
  );
  return lists.flat();
}

/** An app whose objects are in a namespace. */
export function runningApp(app: App, { kube, namespace, meshed }: AppInLab): RunningApp {
  const pods = (name: string): Promise<PodRef[]> => {
    const service = app.services.find((each) => each.name === name);
    return readyPods(kube, namespace, labelSelector(service?.selector ?? { app: name }));
  };
  return {
    app,
    namespace,
    meshed,
    pods,
    async answering({ timeoutMs, detail = () => {}, signal }) {
      const deadline = performance.now() + timeoutMs;
      // The first wait knows why a pod does not come up.
      // Only for the app's own: what else is in its namespace is for health to judge.
      const concerns = (labels: Record<string, string>): boolean =>
        app.services.some(({ selector }) => selects(selector, labels));
      await waitForDeployments(kube, namespace, { timeoutMs, progress: detail, signal, concerns });
      await Promise.all(
        app.services.map((service) =>
          pollUntil(
            async () => {
              const problem = await serviceProblem(kube, namespace, service, { pods, signal });
              return problem === undefined ? { ready: true } : { pending: problem };
            },
            {
              what: `${app.title} ${service.name} in ${namespace}`,
              timeoutMs: Math.max(0, deadline - performance.now()),
              intervalMs: 250,
              code: 'MESHPROOF_WORKLOAD_NOT_READY',
              hint: `Look at the pods of namespace ${namespace}: their events and the log of container ${service.container}.`,
              signal,
              onPending: (reason) => detail(`${service.name}: ${reason}`),
            },
          ),
        ),
      );
    },
  };
}

/** A pod of an app's own services that does not work, and why. */
export interface SilentPod {
  service: string;
  pod: string;
  reason: string;
}

/** Every pod of the app's own services that is not ready, or does not answer its data call; others in its namespace are not asked. */
export async function silentPods(
  kube: KubeClient,
  { app, namespace }: Pick<RunningApp, 'app' | 'namespace'>,
  signal?: AbortSignal,
): Promise<SilentPod[]> {
  const all = await kube.list(`/api/v1/namespaces/${namespace}/pods`);
  const asked = app.services.flatMap((service) =>
    all
      .filter((pod) => !isTerminating(pod) && selects(service.selector, pod.metadata.labels ?? {}))
      .map(async (pod): Promise<SilentPod[]> => {
        const reason = isReady(pod) ? await podProblem(kube, podRef(pod), service, signal) : 'it is not ready';
        return reason === undefined ? [] : [{ service: service.name, pod: pod.metadata.name, reason }];
      }),
  );
  return (await Promise.all(asked)).flat();
}

interface Look {
  pods: (service: string) => Promise<PodRef[]>;
  signal?: AbortSignal | undefined;
}

/** Asked anew at every pod: readiness as the API server tells it may be older than what happened since. */
async function serviceProblem(
  kube: KubeClient,
  namespace: string,
  service: AppService,
  { pods, signal }: Look,
): Promise<string | undefined> {
  const ready = await pods(service.name);
  const wanted = await wantedReplicas(kube, namespace, service);
  if (ready.length < wanted) return `${ready.length} of ${wanted} pods are ready`;
  const problems = await Promise.all(ready.map((pod) => podProblem(kube, pod, service, signal)));
  return problems.find((problem) => problem !== undefined);
}

async function wantedReplicas(kube: KubeClient, namespace: string, { selector }: AppService): Promise<number> {
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  const workloads = (await Promise.all([kube.list(`${apps}/deployments`), kube.list(`${apps}/statefulsets`)])).flat();
  const workload = workloadBehind(selector, workloads.filter(isWorkload));
  // Bare pods and DaemonSets: one at least.
  return (workload?.spec.replicas as number | undefined) ?? 1;
}

/**
 * A pod's answer to the data call, asked on its own loopback through the API server: no program of its image is needed,
 * and its sidecar is not in between.
 */
async function podProblem(
  kube: KubeClient,
  pod: PodRef,
  { call, probe, container, containerPort }: AppService,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const timeoutMs = 10_000;
  try {
    if (call !== undefined) {
      const { method, path, headers, body } = call;
      const answer = await kube.podHttp(pod, containerPort, path, {
        method,
        timeoutMs,
        ...(headers !== undefined && { headers }),
        ...(body !== undefined && { body }),
      });
      const problem = answerProblem(call, answer);
      return problem && `pod ${pod.name} does not answer its data call: ${problem}`;
    }
    if (probe === undefined) return undefined;
    const { exitCode, stdout, stderr } = await kube.exec(pod, [...probe], { container, timeoutMs, signal });
    return exitCode === 0
      ? undefined
      : `pod ${pod.name}: its probe ended with ${exitCode}: ${(stderr || stdout).trim()}`;
  } catch (error) {
    signal?.throwIfAborted();
    return `pod ${pod.name} does not answer: ${messageOf(error)}`;
  }
}
