/** Addresses inside a node. The same in every lab: only the veth to the host differs, the rest is in its own namespace. */
export const nodeNetwork = {
  podCidr: '10.244.0.0/24',
  serviceCidr: '10.96.0.0/16',
  dnsIp: '10.96.0.10',
  apiPort: 6443,
  clusterDomain: 'cluster.local',
} as const;
