import { runCommand } from '../../base/process.ts';
import { nodeNetwork } from './node-network.ts';

/** A node that joins the others. */
export interface BridgedNode {
  number: number;
  /** Pid, as the host sees it, of a process in the node's network namespace. */
  pid: number;
  bridgeIp: string;
  podCidr: string;
}

/** In the first node's network namespace, as the veths to the others are: the kernel removes all of it with the nodes. */
const bridge = 'nodes';

/** Lines for `ip -batch` in the network namespace of the first node: the bridge, and a veth to each other node. */
export function bridgeCommands([first, ...others]: readonly BridgedNode[]): string[] {
  if (first === undefined) return [];
  return [
    // Without spanning tree nothing is learnt before a port forwards.
    `link add ${bridge} type bridge forward_delay 0`,
    `address add ${first.bridgeIp}/${nodeNetwork.bridgePrefix} dev ${bridge}`,
    `link set ${bridge} up`,
    ...others.flatMap(({ number, pid }) => [
      `link add node${number} type veth peer name eth0 netns ${pid}`,
      `link set node${number} master ${bridge}`,
      `link set node${number} up`,
    ]),
    ...routes(first, others),
  ];
}

/** The same for each other node: its end of the veth, routes to the pods of the rest, and one by which ClusterIPs leave it. */
export function bridgedNodeCommands(node: BridgedNode, nodes: readonly BridgedNode[]): string[] {
  return [
    'link set lo up',
    `address add ${node.bridgeIp}/${nodeNetwork.bridgePrefix} dev eth0`,
    'link set eth0 up',
    `route add ${nodeNetwork.serviceCidr} dev eth0`,
    ...routes(node, nodes),
  ];
}

function routes(from: BridgedNode, nodes: readonly BridgedNode[]): string[] {
  return nodes
    .filter(({ number }) => number !== from.number)
    .map(({ podCidr, bridgeIp }) => `route add ${podCidr} via ${bridgeIp}`);
}

export interface JoinOptions {
  /** The `ip` program. */
  ip: string;
  env: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** Joins the nodes of a lab by a bridge. The first of them has its link to the host already. */
export async function joinNodes(nodes: readonly BridgedNode[], { ip, env, signal }: JoinOptions): Promise<void> {
  const batch = (pid: number, commands: readonly string[]) =>
    runCommand(['nsenter', `--net=/proc/${pid}/ns/net`, ip, '-batch', '-'], {
      env,
      signal,
      input: `${commands.join('\n')}\n`,
      timeoutMs: 10_000,
    });
  const [first, ...others] = nodes;
  if (first === undefined) return;
  await batch(first.pid, bridgeCommands(nodes));
  await Promise.all(others.map((node) => batch(node.pid, bridgedNodeCommands(node, nodes))));
}
