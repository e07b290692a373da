import { deployment } from '../../kube/deployment.ts';
import type { KubeObject } from '../../kube/types.ts';
import { nodeNetwork } from './node-network.ts';

const labels = { 'k8s-app': 'kube-dns' };

/**
 * CoreDNS as kubeadm deploys it, but listening on an unprivileged port, and without a forwarder: a lab has no way out,
 * and a forwarder that nobody answers would turn every unknown name into a delay of seconds.
 */
export function coreDns(image: string): KubeObject[] {
  const metadata = { name: 'coredns', namespace: 'kube-system', labels };
  const role = { name: 'system:coredns' };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: role,
      rules: [
        { apiGroups: [''], resources: ['services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: role,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:coredns' },
      subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace: 'kube-system' }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: {
        Corefile: `.:1053 {
  errors
  health :8080
  ready :8181
  prometheus :9153
  kubernetes ${nodeNetwork.clusterDomain} in-addr.arpa ip6.arpa {
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 5
  }
  cache 5
}
`,
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, name: 'kube-dns' },
      spec: {
        clusterIP: nodeNetwork.dnsIp,
        selector: labels,
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP', targetPort: 1053 },
          { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 1053 },
          { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
        ],
      },
    },
    deployment(metadata, {
      serviceAccountName: 'coredns',
      priorityClassName: 'system-cluster-critical',
      dnsPolicy: 'Default',
      // The node turns Ready a moment before the controller-manager lifts this taint.
      tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoSchedule' }],
      containers: [
        {
          name: 'coredns',
          image,
          imagePullPolicy: 'Never',
          args: ['-conf', '/etc/coredns/Corefile'],
          env: [{ name: 'GOGC', value: '400' }],
          resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: '170Mi' } },
          readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1, timeoutSeconds: 5 },
          // kubeadm's patience: with Kubernetes' default of one second, a machine that is busy for half a minute restarts it.
          livenessProbe: {
            httpGet: { path: '/health', port: 8080 },
            initialDelaySeconds: 10,
            periodSeconds: 10,
            timeoutSeconds: 5,
            failureThreshold: 5,
          },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            runAsNonRoot: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
        },
      ],
      volumes: [{ name: 'config', configMap: { name: 'coredns' } }],
    }),
  ];
}
