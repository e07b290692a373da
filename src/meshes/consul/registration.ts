import { ports } from './names.ts';

export interface Registration {
  service: string;
  /** Port the app listens on; undefined for pods that only call others. */
  appPort?: number;
  /** Port of the Kubernetes Service in front of it; undefined when there is none. */
  servicePort?: number;
}

export interface SidecarRegistration extends Registration {
  /** Name of the Kubernetes Service whose ClusterIP is the virtual address. */
  serviceName?: string;
  /** `tcp` for anything the Service's port does not declare as HTTP. */
  protocol: 'http' | 'tcp';
}

/**
 * What a pod sends to `PUT /v1/agent/service/register`, with `${POD_IP}`, `${POD_NAME}`, `${POD_UID}`, `${POD_NAMESPACE}`
 * and `${VIRTUAL_IP}` left for its init container to fill in.
 *
 * The virtual address is the ClusterIP and must stand on the service *and* on its sidecar: with the first alone, calls
 * to the ClusterIP pass through as plaintext.
 */
export function registrationTemplate(registration: Registration): Record<string, unknown> {
  const { service, appPort, servicePort } = registration;
  const virtual = servicePort === undefined ? {} : virtualAddress(servicePort);
  return {
    ID: instanceId('${POD_NAME}'),
    Name: service,
    Address: '${POD_IP}',
    ...(appPort === undefined ? {} : { Port: appPort, Checks: [appCheck()] }),
    ...virtual,
    Meta: podMeta(),
    Connect: {
      SidecarService: {
        Port: ports.inbound,
        ...virtual,
        Meta: podMeta(),
        Checks: [{ Name: 'the service behind the sidecar', AliasService: instanceId('${POD_NAME}') }],
        Proxy: { Mode: 'transparent', TransparentProxy: { OutboundListenerPort: ports.outbound } },
      },
    },
  };
}

export function instanceId(podName: string): string {
  return podName;
}

export function proxyId(podName: string): string {
  return `${instanceId(podName)}-sidecar-proxy`;
}

const podMeta = () => ({
  'pod-name': '${POD_NAME}',
  'pod-uid': '${POD_UID}',
  'pod-namespace': '${POD_NAMESPACE}',
});

function virtualAddress(port: number) {
  return { TaggedAddresses: { virtual: { Address: '${VIRTUAL_IP}', Port: port } } };
}

/** Critical from the start: an instance gets traffic only after its app was seen listening. */
function appCheck() {
  return {
    Name: 'the app accepts connections behind the sidecar',
    HTTP: `http://\${POD_IP}:${ports.ready}/ready`,
    Interval: '1s',
    Timeout: '1s',
    Status: 'critical',
    // Consul's minimum: instances of pods that died without a word.
    DeregisterCriticalServiceAfter: '1m',
  };
}
