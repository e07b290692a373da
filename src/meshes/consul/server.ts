import type { KubeObject } from '../../kube/types.ts';
import { consulNamespace, datacenter, ports, serverName } from './names.ts';
import type { MeshAuthority } from './mesh-authority.ts';
import type { ServerTls } from './server-tls.ts';

export interface ServerOptions extends ServerSecrets {
  image: string;
}

/** What a server that takes the place of another must have in common with it. All of it stays in one Secret. */
export interface ServerSecrets {
  managementToken: string;
  tls: ServerTls;
  authority: MeshAuthority;
}

export const secretName = serverName;
export const reviewerAccount = 'consul-token-reviewer';
export const reviewerSecret = 'consul-token-reviewer';

/**
 * One Consul server, ACLs on and denying by default. Plain HTTP listens on loopback only (reached by port-forward);
 * what sidecars use, API and xDS, is TLS. State lives as long as the pod; a pod that takes its place has the same tokens and
 * the same certificate authority, and install() registers anew what it does not know.
 */
export function serverObjects({ image, managementToken, tls, authority }: ServerOptions): KubeObject[] {
  const namespace = consulNamespace;
  const meta = (name: string) => ({ name, namespace, labels: { app: serverName } });
  const reviewer = { kind: 'ServiceAccount', name: reviewerAccount, namespace };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(serverName), automountServiceAccountToken: false },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(reviewerAccount) },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...meta(reviewerSecret), annotations: { 'kubernetes.io/service-account.name': reviewerAccount } },
      type: 'kubernetes.io/service-account-token',
    },
    binding('consul-token-review', 'system:auth-delegator', reviewer),
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'consul-service-account-reader' },
      rules: [{ apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get'] }],
    },
    binding('consul-service-account-reader', 'consul-service-account-reader', reviewer),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: meta(secretName),
      type: 'Opaque',
      stringData: {
        'server.json': JSON.stringify(serverConfig(managementToken, authority)),
        token: managementToken,
        'ca.pem': tls.caPem,
        'server.pem': tls.certificatePem,
        'server-key.pem': tls.keyPem,
        'cluster-id': authority.clusterId,
        'mesh-ca.pem': authority.certificatePem,
        'mesh-ca-key.pem': authority.keyPem,
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta(serverName),
      spec: {
        selector: { app: serverName },
        ports: [
          { name: 'https', port: ports.https },
          { name: 'grpc-tls', port: ports.xds },
        ],
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: meta(serverName),
      spec: {
        replicas: 1,
        strategy: { type: 'Recreate' },
        selector: { matchLabels: { app: serverName } },
        template: { metadata: { labels: { app: serverName } }, spec: serverPod(image) },
      },
    },
  ];
}

function serverPod(image: string) {
  return {
    serviceAccountName: serverName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 2,
    securityContext: { runAsUser: 100, runAsGroup: 1000, fsGroup: 1000, runAsNonRoot: true },
    containers: [
      {
        name: 'consul',
        image,
        imagePullPolicy: 'IfNotPresent',
        command: ['consul'],
        args: ['agent', '-config-file=/consul/config/server.json', '-bind=$(POD_IP)'],
        env: [
          { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          // Less garbage collection while everything registers.
          { name: 'GOGC', value: '400' },
        ],
        ports: [{ containerPort: ports.https }, { containerPort: ports.xds }],
        readinessProbe: { tcpSocket: { port: ports.xds }, periodSeconds: 1 },
        resources: { requests: { cpu: '100m', memory: '96Mi' } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [
          { name: 'config', mountPath: '/consul/config', readOnly: true },
          { name: 'data', mountPath: '/consul/data' },
        ],
      },
    ],
    volumes: [
      { name: 'config', secret: { secretName, defaultMode: 0o440 } },
      { name: 'data', emptyDir: {} },
    ],
  };
}

/** The secrets of a server that is there; undefined when one is missing: the lab was made by another version. */
export function secretsOf(data: Record<string, string>): ServerSecrets | undefined {
  const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
  const secrets = {
    managementToken: text('token'),
    tls: { caPem: text('ca.pem'), certificatePem: text('server.pem'), keyPem: text('server-key.pem') },
    authority: {
      clusterId: text('cluster-id'),
      certificatePem: text('mesh-ca.pem'),
      keyPem: text('mesh-ca-key.pem'),
    },
  };
  const { managementToken, tls, authority } = secrets;
  const all = [managementToken, ...Object.values(tls), ...Object.values(authority)];
  return all.includes('') ? undefined : secrets;
}

function serverConfig(managementToken: string, authority: MeshAuthority): Record<string, unknown> {
  const file = (name: string): string => `/consul/config/${name}`;
  return {
    server: true,
    bootstrap_expect: 1,
    datacenter,
    node_name: serverName,
    data_dir: '/consul/data',
    client_addr: '0.0.0.0',
    addresses: { http: '127.0.0.1' },
    ports: { http: ports.http, https: ports.https, grpc: -1, grpc_tls: ports.xds, dns: -1, serf_wan: -1 },
    tls: {
      defaults: { ca_file: file('ca.pem'), cert_file: file('server.pem'), key_file: file('server-key.pem') },
    },
    connect: {
      enabled: true,
      ca_config: {
        // Read at the first start only, and not in Consul's manual: it is what its own tests use. It names the trust domain.
        cluster_id: authority.clusterId,
        root_cert: authority.certificatePem,
        private_key: authority.keyPem,
      },
    },
    acl: {
      enabled: true,
      default_policy: 'deny',
      tokens: { initial_management: managementToken, agent: managementToken },
    },
    performance: { raft_multiplier: 1 },
    log_level: 'WARN',
    disable_update_check: true,
  };
}

function binding(name: string, role: string, subject: Record<string, string>): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [subject],
  };
}
