import { nodeNetwork } from './node-network.ts';

/** Socket of containerd, inside the node's own /run; from the host it is below /proc/<init>/root. */
export const containerdSocket = '/run/containerd/containerd.sock';

const unusedPlugins = [
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.internal.v1.tracing',
  'io.containerd.tracing.processor.v1.otlp',
];

export interface ContainerdConfig {
  root: string;
  state: string;
  sandboxImage: string;
  cniBinDir: string;
  cniConfDir: string;
  /** Without CAP_SYS_RESOURCE runc cannot lower oom_score_adj and dies with "can't get final child's PID from pipe". */
  restrictOomScoreAdj: boolean;
}

/** containerd's config file, version 2 (containerd 1.6 to 2.x read it). */
export function containerdConfig(config: ContainerdConfig): string {
  const text = JSON.stringify;
  return `version = 2
root = ${text(config.root)}
state = ${text(config.state)}
oom_score = 0
disabled_plugins = ${text(unusedPlugins)}
[grpc]
  address = ${text(containerdSocket)}
[debug]
  level = "warn"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${text(config.sandboxImage)}
  restrict_oom_score_adj = ${config.restrictOomScoreAdj}
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${text(config.cniBinDir)}
    conf_dir = ${text(config.cniConfDir)}
`;
}

/** containerd that only imports images: nothing of Kubernetes. */
export function imageStoreConfig({ root, state, socket }: { root: string; state: string; socket: string }): string {
  const text = JSON.stringify;
  return `version = 2
root = ${text(root)}
state = ${text(state)}
disabled_plugins = ${text([...unusedPlugins, 'io.containerd.grpc.v1.cri'])}
[grpc]
  address = ${text(socket)}
[debug]
  level = "warn"
`;
}

/** Every pod has a routed veth of its own (ptp): unlike a bridge it needs no br_netfilter for Services. */
export function cniConfig(podCidr: string): string {
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'meshproof',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: '/run/cni-ipam',
          ranges: [[{ subnet: podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}

export interface KubeletConfig {
  pkiDir: string;
  cgroupRoot: string;
  resolvConf: string;
  cgroupVersion: 1 | 2;
}

export function kubeletConfig(config: KubeletConfig): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true, cacheTTL: '2m' },
      x509: { clientCAFile: `${config.pkiDir}/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: `${config.pkiDir}/kubelet-server.crt`,
    tlsPrivateKeyFile: `${config.pkiDir}/kubelet-server.key`,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: config.cgroupRoot,
    failSwapOn: false,
    ...(config.cgroupVersion === 1 ? { failCgroupV1: false } : {}),
    enforceNodeAllocatable: [],
    localStorageCapacityIsolation: false,
    clusterDNS: [nodeNetwork.dnsIp],
    clusterDomain: nodeNetwork.clusterDomain,
    resolvConf: config.resolvConf,
    maxPods: 200,
    evictionHard: {
      'memory.available': '64Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
    // Images are loaded, not pulled: one that the kubelet deletes does not come back.
    imageGCHighThresholdPercent: 100,
    // Access logs are evidence; the default of 10Mi would rotate them away in the middle of a run.
    containerLogMaxSize: '256Mi',
    kubeAPIQPS: 200,
    kubeAPIBurst: 400,
    eventRecordQPS: 100,
    nodeStatusUpdateFrequency: '5s',
    shutdownGracePeriod: '0s',
    readOnlyPort: 0,
  });
}

export function kubeProxyConfig(kubeconfig: string, nodeName: string): string {
  return JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clientConnection: { kubeconfig },
    clusterCIDR: nodeNetwork.podCidr,
    hostnameOverride: nodeName,
    // A sync is four processes; pods that come up together share some. Kubernetes' default is 1s.
    iptables: { minSyncPeriod: '300ms', syncPeriod: '30s' },
    // These would write limits of the host's kernel.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
  });
}
