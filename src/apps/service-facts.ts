import type { KubeObject } from '../kube/types.ts';
import type { AppProtocol } from './app.ts';

/** What Kubernetes objects say of a service. */
export interface ServiceFacts {
  port: number;
  containerPort: number;
  /** Undefined where the port neither has `appProtocol` nor a name that tells. */
  protocol: AppProtocol | undefined;
  selector: Record<string, string>;
  /** Of the workload behind it; undefined when there is none. */
  container: string | undefined;
  account: string | undefined;
}

interface ServicePort {
  name?: string;
  port: number;
  targetPort?: number | string;
  appProtocol?: string;
}

interface Container {
  name: string;
  ports?: { name?: string; containerPort: number }[];
  env?: { name: string; value?: string }[];
  command?: string[];
  args?: string[];
}

/** Reads a service off its Service and the workload behind that; undefined when there is no such Service. */
export function factsOf(name: string, objects: readonly KubeObject[]): ServiceFacts | undefined {
  const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === name);
  const port = (service?.spec?.ports as ServicePort[] | undefined)?.[0];
  if (service === undefined || port === undefined) return undefined;
  const selector = (service.spec.selector ?? {}) as Record<string, string>;
  const workload = workloadBehind(selector, objects);
  const containers = workload === undefined ? [] : containersOf(workload);
  const target = port.targetPort ?? port.port;
  const serving =
    containers.find(({ ports = [] }) => ports.some((each) => each.name === target || each.containerPort === target)) ??
    containers[0];
  const named = serving?.ports?.find((each) => each.name === target)?.containerPort;
  return {
    port: port.port,
    containerPort: typeof target === 'number' ? target : (named ?? port.port),
    protocol: protocolOf(port),
    selector,
    container: serving?.name,
    account: workload === undefined ? undefined : accountOf(workload),
  };
}

/** As the meshes read it: `appProtocol`, else the first word of the port's name. */
export function protocolOf({ name, appProtocol }: { name?: string; appProtocol?: string }): AppProtocol | undefined {
  const word = /^(kubernetes\.io\/)?([a-z0-9]+)/.exec(appProtocol ?? name ?? '')?.[2];
  if (word === undefined) return undefined;
  if (/^(http|https|http2|web|ws)$/.test(word)) return 'http';
  if (/^(grpc|h2c)$/.test(word)) return 'grpc';
  return /^(tcp|tls|mongo|mysql|postgres|postgresql|redis|kafka|amqp)$/.test(word) ? 'tcp' : undefined;
}

/** Kinds whose pods come from a template. */
const workloadKinds = ['Deployment', 'StatefulSet', 'DaemonSet'];

export function isWorkload({ kind }: KubeObject): boolean {
  return workloadKinds.includes(kind);
}

export function workloadBehind(
  selector: Record<string, string>,
  objects: readonly KubeObject[],
): KubeObject | undefined {
  const wanted = Object.entries(selector);
  if (wanted.length === 0) return undefined;
  return objects.find((object) => {
    const labels = (object.spec?.template?.metadata?.labels ?? {}) as Record<string, string>;
    return isWorkload(object) && wanted.every(([key, value]) => labels[key] === value);
  });
}

export function containersOf(workload: KubeObject): Container[] {
  return (workload.spec?.template?.spec?.containers ?? []) as Container[];
}

function accountOf(workload: KubeObject): string {
  const spec = workload.spec?.template?.spec as { serviceAccountName?: string } | undefined;
  return spec?.serviceAccountName ?? 'default';
}
