import { MeshproofError } from '../../base/errors.ts';
import { selects } from '../../kube/selector.ts';
import type { KubeObject } from '../../kube/types.ts';
import { annotations, labels } from './names.ts';
import type { SidecarRegistration } from './registration.ts';
import { meshedPodSpec } from './sidecar.ts';

export interface InjectOptions {
  namespace: string;
  /** Image of sidecar and init container. */
  image: string;
  /** CA of the server's certificate. */
  caPem: string;
}

const caConfigMap = 'meshproof-consul-ca';

/** Where each workload kind keeps its pod. */
const podOf: Record<string, (object: KubeObject) => PodTemplate | undefined> = {
  Pod: (object) => object as unknown as PodTemplate,
  Deployment: (object) => object.spec?.template,
  StatefulSet: (object) => object.spec?.template,
  DaemonSet: (object) => object.spec?.template,
  ReplicaSet: (object) => object.spec?.template,
  Job: (object) => object.spec?.template,
};

interface PodTemplate {
  metadata?: KubeObject['metadata'];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  spec: any;
}

/**
 * Plain manifests in, meshed ones out; the input is left alone. Pods labelled `meshproof.dev/mesh: "false"` and what is
 * no workload stay as they are. Service accounts, the CA and Services come first, so that a pod finds them.
 *
 * @throws MeshproofError MESHPROOF_USAGE for a workload that does not say which service it is
 */
export function injectSidecars(objects: KubeObject[], options: InjectOptions): KubeObject[] {
  const services = objects.filter((object) => object.kind === 'Service' && inNamespace(object, options.namespace));
  const accounts = new Set<string>();
  const meshed = objects.map((original) => {
    if (!podOf[original.kind] || !inNamespace(original, options.namespace)) return original;
    const object = structuredClone(original);
    const pod = podOf[object.kind]!(object);
    if (!pod || pod.metadata?.labels?.[labels.mesh] === 'false') return original;
    const registration = registrationOf(object, pod, services);
    pod.metadata = {
      ...(pod.metadata ?? ({} as KubeObject['metadata'])),
      labels: { ...pod.metadata?.labels, [labels.injected]: 'consul' },
    };
    pod.spec = meshedPodSpec(pod.spec, {
      ...registration,
      image: options.image,
      caConfigMap,
      isJob: object.kind === 'Job',
    });
    accounts.add(registration.service);
    return object;
  });
  if (accounts.size === 0) return meshed;
  const declared = new Set(
    objects.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name),
  );
  const added = [...accounts]
    .filter((name) => !declared.has(name))
    .map((name) => serviceAccount(name, options.namespace));
  const config = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: caConfigMap, namespace: options.namespace },
    data: { 'ca.pem': options.caPem },
  };
  const first = meshed.filter((object) => !podOf[object.kind]);
  const workloads = meshed.filter((object) => podOf[object.kind]);
  const namespaces = first.filter(({ kind }) => kind === 'Namespace');
  return [...namespaces, config, ...added, ...first.filter(({ kind }) => kind !== 'Namespace'), ...workloads];
}

interface ServicePort {
  name?: string;
  port: number;
  targetPort?: number | string;
  appProtocol?: string;
}

/** Which service a pod is, from its own manifest and the Service that selects it. */
function registrationOf(object: KubeObject, pod: PodTemplate, services: KubeObject[]): SidecarRegistration {
  const podLabels = pod.metadata?.labels ?? {};
  const service =
    pod.metadata?.annotations?.[annotations.service] ?? podLabels.app ?? podLabels['app.kubernetes.io/name'];
  if (!service) {
    throw new MeshproofError(
      'MESHPROOF_USAGE',
      `${object.kind} ${object.metadata.name} does not say which service it is`,
      `Give its pods the label app, or the annotation ${annotations.service}.`,
    );
  }
  const front = services.find(
    ({ spec }) => spec?.selector && selects(spec.selector as Record<string, string>, podLabels),
  );
  const containerPorts = (pod.spec.containers as { ports?: { name?: string; containerPort: number }[] }[]).flatMap(
    (container) => container.ports ?? [],
  );
  if (!front) {
    const appPort = containerPorts[0]?.containerPort;
    return { service, protocol: 'http', ...(appPort === undefined ? {} : { appPort }) };
  }
  const port: ServicePort = front.spec.ports[0];
  const target = port.targetPort ?? port.port;
  const appPort =
    typeof target === 'number' ? target : containerPorts.find(({ name }) => name === target)?.containerPort;
  if (appPort === undefined) {
    throw new MeshproofError(
      'MESHPROOF_USAGE',
      `Service ${front.metadata.name} points to port ${target}, which ${object.kind} ${object.metadata.name} does not name`,
      'Name the container port, or give targetPort as a number.',
    );
  }
  const broken = pod.metadata?.annotations?.[annotations.noVirtualAddress] === 'true';
  return {
    service,
    appPort,
    protocol: isHttp(port) ? 'http' : 'tcp',
    ...(broken ? {} : { serviceName: front.metadata.name, servicePort: port.port }),
  };
}

/** As Istio and Consul read it: `appProtocol` or the first word of the port's name; a nameless port is HTTP. */
function isHttp({ name, appProtocol }: ServicePort): boolean {
  return /^(http|web|grpc|h2c)/.test(appProtocol ?? name ?? 'http');
}

function inNamespace(object: KubeObject, namespace: string): boolean {
  return (object.metadata.namespace ?? namespace) === namespace;
}

function serviceAccount(name: string, namespace: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace },
    automountServiceAccountToken: false,
  };
}
