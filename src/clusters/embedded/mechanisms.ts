import { cgroupLayout } from './cgroup.ts';

/** What this machine made the embedded provider do, for the report's `host.mechanisms`. */
export function probeMechanisms(): Record<string, string> {
  const { version, mounts } = cgroupLayout();
  return {
    cgroups: `v${version}${version === 1 && mounts.some((mount) => mount.endsWith('unified')) ? ' (hybrid)' : ''}`,
    'pod network': 'CNI ptp (routed veth per pod); nodes, where there are several, on a bridge',
    'service network': 'kube-proxy, iptables mode',
  };
}
