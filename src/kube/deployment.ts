import type { KubeObject } from './types.ts';

/** A deployment of one replica, whose pods carry its labels and are found by them. */
export function deployment(
  metadata: { name: string; namespace: string; labels: Record<string, string> },
  pod: Record<string, unknown>,
): KubeObject {
  const { labels } = metadata;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: pod },
    },
  };
}
