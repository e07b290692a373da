/** Addresses inside a lab. The same in every lab: only the veth to the host differs, the rest is in namespaces of its own. */
export const nodeNetwork = {
  /** Of all nodes together. */
  podCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  /** The bridge that joins several nodes. */
  bridgePrefix: 24,
  dnsIp: '10.96.0.10',
  apiPort: 6443,
  clusterDomain: 'cluster.local',
} as const;

/** Pods of the node with this number, from 1 on. */
export function podCidrOf(node: number): string {
  return `10.244.${node - 1}.0/24`;
}

/** Where the node with this number is on the bridge. */
export function bridgeIpOf(node: number): string {
  return `10.245.0.${node}`;
}
