/** Every external program meshproof may need, by the name used in tools/lock and `meshproof doctor`. */
export const toolNames = [
  'kubernetes', // one binary: kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy
  'etcd',
  'containerd', // containerd, containerd-shim-runc-v2, ctr
  'runc',
  'cni-plugins', // bridge, host-local, loopback, portmap
  'coredns',
  'consul',
  'istioctl', // generates Istio's manifests
  'pilot-discovery', // istiod
  'gateway-api', // no program: the definitions of the Gateway API, of the version that Istio is built with
  'linkerd', // Linkerd's command line: generates its manifests, and asks its control plane
  'pilot-agent', // of Istio's sidecar, with the template of its Envoy's bootstrap
  'envoy',
  'k6',
  'postgres', // postgres, initdb, psql
  'tcpdump',
  'iptables', // iptables, ip6tables, iptables-save, iptables-restore
  'iproute2', // ip, ss, tc, bridge
  'conntrack',
  'busybox',
  'ca-certificates',
  'chromium', // only for the tests of the HTML report
  'crane', // pulls an app's images from a registry
  'podinfo', // an app that nobody here wrote
] as const;
export type ToolName = (typeof toolNames)[number];

/** Not part of every lab: fetched when something asks for one (a mesh, an app, a report), and by the tests. */
export const onDemandTools: readonly ToolName[] = [
  'chromium',
  'crane',
  'podinfo',
  'consul',
  'istioctl',
  'pilot-discovery',
  'pilot-agent',
  'gateway-api',
  'linkerd',
];

/** In no package registry: without internet only a user who built them has them. No test needs one. */
export const releaseOnlyTools: readonly ToolName[] = ['linkerd'];

export type ToolOrigin = 'host' | 'cache' | 'release' | 'debian' | 'pypi' | 'go';

/** A program that was found or made, ready to run. Everything is an absolute path on the host. */
export interface Tool {
  name: ToolName;
  version: string;
  origin: ToolOrigin;
  /** Program name -> path, e.g. `{ containerd: '/…/usr/bin/containerd', ctr: '…' }`. Files that are not programs count too. */
  bin: Record<string, string>;
  /** The same programs as the ELF files behind them, for copying into images: `bin` may be a script that sets `env`. */
  elf: Record<string, string>;
  /** Where the unpacked package tree starts (`/` for a host tool): data files such as xtables modules are found below it. */
  root: string;
  /** Directories for LD_LIBRARY_PATH; empty when the host's loader finds everything. */
  libraryPath: string[];
  /** Environment the program needs to run from where it is (LD_LIBRARY_PATH, XTABLES_LIBDIR …). */
  env: Record<string, string>;
}

/** The one way to get an external program. The first `get` may download or build; it then comes from the cache. */
export interface Toolbox {
  get(name: ToolName): Promise<Tool>;
  /** Fetches several in parallel, with progress. */
  ensure(names: readonly ToolName[]): Promise<void>;
  /** `$XDG_CACHE_HOME/meshproof`. */
  readonly cacheDir: string;
}
