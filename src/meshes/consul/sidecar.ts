import { literal } from '../../kube/literal.ts';
import { initContainer, sidecarContainer, sidecarUid, volumes } from './names.ts';
import { bootstrapTemplate } from './bootstrap.ts';
import { redirectRules } from './redirect.ts';
import { registrationTemplate, type SidecarRegistration } from './registration.ts';
import { consulEnv, podCommand, sidecarScript, startupScript } from './scripts.ts';

interface SidecarOptions extends SidecarRegistration {
  /** See images.ts: `envoy`. */
  image: string;
  caConfigMap: string;
  isJob: boolean;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type PodSpec = any;

const podEnv = [
  fromField('POD_IP', 'status.podIP'),
  fromField('POD_NAME', 'metadata.name'),
  fromField('POD_UID', 'metadata.uid'),
  fromField('POD_NAMESPACE', 'metadata.namespace'),
  ...Object.entries(consulEnv).map(([name, value]) => ({ name, value })),
];

const stateMount = { name: volumes.state.name, mountPath: volumes.state.path };
const configMount = { name: volumes.config.name, mountPath: volumes.config.path, readOnly: true };

/** The pod's spec with the init container and the native sidecar in front of its own containers. */
export function meshedPodSpec(spec: PodSpec, options: SidecarOptions): PodSpec {
  return {
    ...spec,
    serviceAccountName: spec.serviceAccountName ?? options.service,
    initContainers: [meshInit(options), envoy(options), ...(spec.initContainers ?? [])],
    containers: options.isJob ? spec.containers : spec.containers.map(drainFirst),
    volumes: [
      ...(spec.volumes ?? []),
      { name: volumes.state.name, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: volumes.config.name, configMap: { name: options.caConfigMap } },
      {
        name: volumes.identity.name,
        projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }] },
      },
    ],
  };
}

function meshInit(options: SidecarOptions): PodSpec {
  const defaults = {
    Kind: 'service-defaults',
    Name: options.service,
    Protocol: options.protocol,
    // On by default in Consul: five errors in a row would eject a replica in the middle of an experiment.
    UpstreamConfig: { Defaults: { PassiveHealthCheck: { EnforcingConsecutive5xx: 0 } } },
  };
  return {
    name: initContainer,
    image: options.image,
    imagePullPolicy: 'IfNotPresent',
    // Its last words stay in the pod's status, where its log goes with the container.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    command: podCommand('init'),
    env: [
      ...podEnv,
      ...(options.serviceName ? [{ name: 'SERVICE_NAME', value: options.serviceName }] : []),
      { name: 'SERVICE_DEFAULTS', value: JSON.stringify(defaults) },
      { name: 'REGISTRATION', value: literal(JSON.stringify(registrationTemplate(options))) },
      { name: 'BOOTSTRAP', value: literal(JSON.stringify(bootstrapTemplate(options))) },
      { name: 'REDIRECT', value: redirectRules() },
    ],
    resources: { requests: { cpu: '10m', memory: '32Mi' } },
    securityContext: {
      runAsUser: 0,
      runAsNonRoot: false,
      allowPrivilegeEscalation: false,
      capabilities: {
        drop: ['ALL'],
        add: ['NET_ADMIN', 'NET_RAW', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER'],
      },
    },
    volumeMounts: [
      stateMount,
      configMount,
      { name: volumes.identity.name, mountPath: volumes.identity.path, readOnly: true },
    ],
  };
}

function envoy({ image }: SidecarOptions): PodSpec {
  return {
    name: sidecarContainer,
    image,
    imagePullPolicy: 'IfNotPresent',
    restartPolicy: 'Always',
    command: ['/bin/sh', '-c', literal(sidecarScript())],
    env: podEnv,
    startupProbe: {
      exec: { command: ['/bin/sh', '-c', startupScript()] },
      timeoutSeconds: 20,
      periodSeconds: 1,
      failureThreshold: 6,
    },
    lifecycle: { preStop: { exec: { command: podCommand('stop') } } },
    resources: { requests: { cpu: '10m', memory: '48Mi' } },
    securityContext: {
      runAsUser: sidecarUid,
      runAsGroup: sidecarUid,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [stateMount, configMount],
  };
}

/** The app lives a second longer than its registration, so that callers have heard of its end before it closes. */
function drainFirst(container: PodSpec): PodSpec {
  if (container.lifecycle?.preStop) return container;
  return { ...container, lifecycle: { ...container.lifecycle, preStop: { sleep: { seconds: 1 } } } };
}

function fromField(name: string, fieldPath: string) {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
