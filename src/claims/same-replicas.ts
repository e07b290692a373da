import type { RunningApp } from '../apps/app.ts';
import type { KubeClient } from '../kube/types.ts';

/** As many replicas of each deployment as another deployment of the same app has; all answer when it resolves. */
export async function sameReplicas(
  kube: KubeClient,
  { like, app, signal }: { like: RunningApp; app: RunningApp; signal: AbortSignal },
): Promise<void> {
  const deployments = (namespace: string): string => `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const [wanted, there] = await Promise.all([like, app].map(({ namespace }) => kube.list(deployments(namespace))));
  for (const { metadata, spec } of there ?? []) {
    const replicas = wanted?.find((other) => other.metadata.name === metadata.name)?.spec.replicas as
      number | undefined;
    if (replicas === undefined || replicas === spec.replicas) continue;
    await kube.patch(`${deployments(app.namespace)}/${metadata.name}`, { spec: { replicas } });
  }
  await app.answering({ timeoutMs: 120_000, signal });
}
