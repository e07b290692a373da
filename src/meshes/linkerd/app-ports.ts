import { selects } from '../../kube/selector.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { ServiceFacts } from '../custom-resources.ts';

/** Numbers of a pod's own ports that Services point to. */
export function appPorts(pod: KubeObject, services: ReadonlyMap<string, ServiceFacts>): number[] {
  const named = (pod.spec.containers as { ports?: { name?: string; containerPort: number }[] }[]).flatMap(
    ({ ports = [] }) => ports,
  );
  const found = [...services.values()]
    .filter(({ selector }) => selects(selector, pod.metadata.labels ?? {}))
    .flatMap(({ ports }) =>
      ports.flatMap(({ targetPort }) =>
        typeof targetPort === 'number'
          ? [targetPort]
          : named.flatMap(({ name, containerPort }) => (name === targetPort ? [containerPort] : [])),
      ),
    );
  return [...new Set(found)];
}
