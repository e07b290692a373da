import pLimit from 'p-limit';
import { labelSelector } from '../kube/selector.ts';
import type { RunningApp } from '../apps/app.ts';
import { pollUntil } from '../base/poll.ts';
import type { KubeClient, KubeObject, PodRef } from '../kube/types.ts';
import { clientName, probeLabels } from './client.ts';
import { readyPods } from '../kube/pods.ts';
import { workloadTimeoutMs, type Lab } from './lab.ts';

/** The pod that asks questions in a namespace, once it is ready. */
export async function probePod(kube: KubeClient, namespace: string): Promise<PodRef> {
  return pollUntil<PodRef>(
    async () => {
      const [pod] = await readyPods(kube, namespace, probeLabels);
      return pod === undefined ? { pending: 'no ready probe pod' } : { ready: pod };
    },
    { what: `the probe pod in ${namespace}`, timeoutMs: 60_000 },
  );
}

/** Service name -> cluster IP: what an unmeshed client's packets carry before kube-proxy rewrites them. */
export async function clusterIps(kube: KubeClient, namespace: string): Promise<Record<string, string>> {
  const services = await kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/services`);
  return Object.fromEntries(
    services
      .filter(({ spec }) => spec.clusterIP !== 'None')
      .map(({ metadata, spec }) => [metadata.name, spec.clusterIP as string]),
  );
}

/** Fresh pods for a service, by a rolling restart; waits until they answer and the old ones are gone. */
export async function replacePods(lab: Lab, service: string, signal: AbortSignal): Promise<void> {
  const { kube, app } = lab;
  const { namespace } = app;
  const old = await app.pods(service);
  await kube.patch(`/apis/apps/v1/namespaces/${namespace}/deployments/${service}`, {
    spec: { template: { metadata: { annotations: { 'meshproof.dev/replaced-at': new Date().toISOString() } } } },
  });
  await app.answering({ timeoutMs: workloadTimeoutMs, signal });
  const selector = app.app.services.find(({ name }) => name === service)?.selector ?? { app: service };
  await pollUntil(
    async () => {
      const now = await kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`, labelSelector(selector));
      const left = now.filter(({ metadata }) => old.some(({ uid }) => uid === metadata.uid));
      return left.length === 0
        ? { ready: undefined }
        : { pending: `${left.map(({ metadata }) => metadata.name).join(', ')} not gone yet` };
    },
    { what: `replacing the pods of ${service}`, timeoutMs: 60_000, signal },
  );
}

/** Every client's proxy starts anew in place, under running captures: full TLS handshakes instead of resumed sessions. */
export async function restartClientSidecars(lab: Lab, signal: AbortSignal): Promise<void> {
  const { app } = lab;
  const clients = [...new Set(app.app.edges.map(({ source }) => source))];
  const pods = (await Promise.all(clients.map((service) => app.pods(service)))).flat();
  const limit = pLimit(4);
  await Promise.all(
    pods.map((pod) =>
      limit(async () => {
        const { restarts } = await lab.mesh.restartSidecar(pod);
        lab.orderedRestarts(pod.uid, restarts);
      }),
    ),
  );
  await app.answering({ timeoutMs: workloadTimeoutMs, signal });
}

/** Ready pods of a service of the app, or the given ones for the load client, which no Deployment knows. */
export async function podsOf(app: RunningApp, service: string, clients: readonly PodRef[]): Promise<PodRef[]> {
  return service === clientName ? [...clients] : app.pods(service);
}
