import { join } from 'node:path';
import { nodeNetwork } from './node-network.ts';
import { program, type NodeTools } from './node-tools.ts';

/** A process of the node, in start order. */
export interface Component {
  name: ComponentName;
  argv: string[];
  cwd?: string | undefined;
}

export const componentNames = [
  'etcd',
  'kube-apiserver',
  'containerd',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
] as const;
export type ComponentName = (typeof componentNames)[number];

export interface ComponentsOptions {
  /** Of the node's files. */
  dir: string;
  tools: NodeTools;
  /** By which the node is reached from others. */
  nodeIp: string;
}

/**
 * Command lines of the control plane, which is the first node's. etcd listens on Unix sockets in a 0700 directory of the node's own
 * /run: no pod, not even one in the node's network, can reach it, which client certificates on a TCP port would only approximate.
 */
export function controlPlane({ dir, tools, nodeIp }: ComponentsOptions): Component[] {
  const pki = (file: string): string => join(dir, 'pki', file);
  const kubeconfig = (name: string): string => join(dir, 'kubeconfigs', name);
  const kube = kubeProgram(tools);
  return [
    {
      name: 'etcd',
      cwd: '/run/etcd',
      argv: [
        program(tools.etcd, 'etcd'),
        `--data-dir=${join(dir, 'etcd')}`,
        '--listen-client-urls=unix://client:0',
        '--advertise-client-urls=unix://client:0',
        '--listen-peer-urls=unix://peer:0',
        '--initial-advertise-peer-urls=unix://peer:0',
        '--initial-cluster=default=unix://peer:0',
        // A lab does not survive the machine: what fsync protects is thrown away anyway.
        '--unsafe-no-fsync',
        '--log-level=warn',
      ],
    },
    kube(
      'kube-apiserver',
      '--etcd-servers=unix:///run/etcd/client:0',
      `--secure-port=${nodeNetwork.apiPort}`,
      `--advertise-address=${nodeIp}`,
      `--tls-cert-file=${pki('apiserver.crt')}`,
      `--tls-private-key-file=${pki('apiserver.key')}`,
      `--client-ca-file=${pki('ca.crt')}`,
      `--kubelet-client-certificate=${pki('apiserver-kubelet.crt')}`,
      `--kubelet-client-key=${pki('apiserver-kubelet.key')}`,
      `--kubelet-certificate-authority=${pki('ca.crt')}`,
      // Else logs and exec try to resolve the node's name.
      '--kubelet-preferred-address-types=InternalIP',
      `--service-account-key-file=${pki('sa.pub')}`,
      `--service-account-signing-key-file=${pki('sa.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-cluster-ip-range=${nodeNetwork.serviceCidr}`,
      '--authorization-mode=Node,RBAC',
      '--anonymous-auth=false',
      '--allow-privileged=true',
      '--enable-admission-plugins=NodeRestriction',
      '--profiling=false',
      // Nobody competes in a lab; it would write two dozen objects at the start, and queue every request.
      '--enable-priority-and-fairness=false',
    ),
    kube(
      'kube-controller-manager',
      `--kubeconfig=${kubeconfig('controller-manager')}`,
      `--authentication-kubeconfig=${kubeconfig('controller-manager')}`,
      `--authorization-kubeconfig=${kubeconfig('controller-manager')}`,
      `--service-account-private-key-file=${pki('sa.key')}`,
      `--root-ca-file=${pki('ca.crt')}`,
      `--cluster-signing-cert-file=${pki('ca.crt')}`,
      `--cluster-signing-key-file=${pki('ca.key')}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      '--kube-api-qps=200',
      '--kube-api-burst=400',
    ),
    kube(
      'kube-scheduler',
      `--kubeconfig=${kubeconfig('scheduler')}`,
      `--authentication-kubeconfig=${kubeconfig('scheduler')}`,
      `--authorization-kubeconfig=${kubeconfig('scheduler')}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
    ),
  ];
}

/** Command lines that every node has. */
export function nodeComponents(
  options: ComponentsOptions & { nodeName: string; zone: string | undefined },
): Component[] {
  const { dir, tools, nodeName, nodeIp, zone } = options;
  const kube = kubeProgram(tools);
  return [
    { name: 'containerd', argv: [program(tools.containerd, 'containerd'), '--config', join(dir, 'containerd.toml')] },
    kube(
      'kubelet',
      `--config=${join(dir, 'kubelet.json')}`,
      `--kubeconfig=${join(dir, 'kubeconfigs', 'kubelet')}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${nodeIp}`,
      ...(zone === undefined ? [] : [`--node-labels=topology.kubernetes.io/zone=${zone}`]),
      '--root-dir=/var/lib/kubelet',
      '--cert-dir=/var/lib/kubelet/pki',
    ),
    kube('kube-proxy', `--config=${join(dir, 'kube-proxy.json')}`),
  ];
}

function kubeProgram(tools: NodeTools) {
  return (name: ComponentName, ...flags: string[]): Component => ({
    name,
    argv: [program(tools.kubernetes, name), ...flags],
  });
}
