import { readFileSync } from 'node:fs';
import { MeshproofError } from '../../base/errors.ts';
import { runCommand } from '../../base/process.ts';
import { nodeNetwork } from './node-network.ts';

/** The /30 networks of 10.231.0.0/16, one per lab. */
export interface LabLink {
  name: string;
  hostIp: string;
  nodeIp: string;
  prefix: number;
}

const networks = 16_384;

export function linkOf(index: number): LabLink {
  const at = (offset: number): string => {
    const address = index * 4 + offset;
    return `10.231.${address >> 8}.${address & 255}`;
  };
  return { name: `mproof${index}`, hostIp: at(1), nodeIp: at(2), prefix: 30 };
}

export interface LinkOptions {
  /** The `ip` program. */
  ip: string;
  env: Record<string, string>;
  /** Pid, as the host sees it, of a process in the node's network namespace. */
  nodePid: number;
  labId: string;
  signal?: AbortSignal | undefined;
  /** Called with the link before it is made, so that it can be undone whatever happens. */
  onChosen: (link: LabLink) => Promise<void>;
}

/**
 * Makes a veth pair to the node on a /30 that no link or route of this host uses. The interface name is made of the
 * network's number: the kernel refuses the second one, so two labs (of any user) never get the same network.
 */
export async function createLink(options: LinkOptions): Promise<LabLink> {
  const { ip, env, nodePid, signal } = options;
  const run = (...args: string[]) => runCommand([ip, ...args], { env, signal, timeoutMs: 10_000 });
  const routes = (await run('-4', 'route', 'show', 'table', 'all')).stdout;
  for (let index = firstCandidate(); index < networks; index++) {
    const link = linkOf(index);
    if (isRouted(link, routes)) continue;
    await options.onChosen(link);
    const made = await runCommand(
      [ip, 'link', 'add', link.name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(nodePid)],
      { env, signal, timeoutMs: 10_000, okExitCodes: [0, 2] },
    );
    if (made.exitCode !== 0) {
      if (made.stderr.includes('File exists')) continue;
      throw new MeshproofError(
        'MESHPROOF_CLUSTER_START',
        `No veth pair could be made: ${made.stderr.trim()}`,
        'The kernel needs veth (CONFIG_VETH).',
      );
    }
    await run('link', 'set', link.name, 'alias', options.labId);
    await run('address', 'add', `${link.hostIp}/${link.prefix}`, 'dev', link.name);
    await run('link', 'set', link.name, 'up');
    await configureNode(options, link);
    return link;
  }
  throw new MeshproofError(
    'MESHPROOF_CLUSTER_START',
    'No free network in 10.231.0.0/16',
    'Remove old labs with `meshproof down --all`.',
  );
}

/** The node's end, and a route by which ClusterIPs leave the node's own processes: an API server calls webhooks by them. */
async function configureNode({ ip, env, nodePid, signal }: LinkOptions, link: LabLink): Promise<void> {
  const commands = [
    'link set lo up',
    `address add ${link.nodeIp}/${link.prefix} dev eth0`,
    'link set eth0 up',
    `route add ${nodeNetwork.serviceCidr} dev eth0`,
  ];
  await runCommand(['nsenter', `--net=/proc/${nodePid}/ns/net`, ip, '-batch', '-'], {
    env,
    signal,
    input: `${commands.join('\n')}\n`,
    timeoutMs: 10_000,
  });
}

/**
 * Removes the host's end, if it is still this lab's. The kernel does so by itself when the node's network namespace
 * dies, but some time later.
 */
export async function removeLink(name: string, labId: string, ip = 'ip'): Promise<void> {
  if (aliasOf(name) !== labId) return;
  await runCommand([ip, 'link', 'delete', name], { okExitCodes: [0, 1, 2, 127], timeoutMs: 10_000 }).catch(() => {});
}

/** The alias of an interface of the host; labs write their id there. */
export function aliasOf(link: string): string | undefined {
  try {
    return readFileSync(`/sys/class/net/${link}/ifalias`, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Two labs that start together rarely look at the same number first. */
function firstCandidate(): number {
  return 1 + (process.pid % 8000);
}

/** True when a route other than a wide one (a default, a VPN's /8) covers the network. */
function isRouted(link: LabLink, routes: string): boolean {
  const network = link.hostIp.split('.').slice(0, 3).join('.');
  return routes.split('\n').some((line) => line.includes(` ${network}.`) || line.startsWith(`${network}.`));
}
