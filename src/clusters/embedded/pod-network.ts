import { MeshproofError } from '../../base/errors.ts';
import { runCommand } from '../../base/process.ts';
import type { PodRef } from '../../kube/types.ts';
import type { PodNetworkAccess } from '../provider.ts';
import type { ContainerdAccess } from './image-import.ts';

/** A node by its name, and the ways into it. */
export interface NodeAccess {
  name: string;
  /** Of a process in its namespaces, as the host sees it. */
  pid: number;
  containerd: ContainerdAccess;
}

/**
 * Commands in a pod's network, of the host's programs on the host's files. They live in the pid namespace of the pod's node, so
 * they die with the lab at the latest.
 */
export function podNetworkOf(nodes: readonly NodeAccess[]): PodNetworkAccess {
  const ctr = async ({ containerd }: NodeAccess, ...args: string[]): Promise<string> => {
    const argv = [containerd.ctr, '--address', containerd.address, '--namespace', 'k8s.io', ...args];
    return (await runCommand(argv, { env: containerd.env, timeoutMs: 10_000, signal: containerd.signal })).stdout;
  };
  return {
    async command(pod: PodRef, argv: readonly string[]): Promise<string[]> {
      const node = nodes.find(({ name }) => name === pod.node);
      if (node === undefined) {
        throw new MeshproofError(
          'MESHPROOF_CAPTURE',
          `Pod ${pod.namespace}/${pod.name} is on no node of this lab (${pod.node || 'not scheduled yet'})`,
          'Was it made anew just now?',
        );
      }
      const filter = `labels."io.kubernetes.pod.uid"==${pod.uid},labels."io.cri-containerd.kind"==sandbox`;
      const sandboxes = (await ctr(node, 'containers', 'list', '--quiet', filter)).trim().split('\n').filter(Boolean);
      const tasks = (await ctr(node, 'tasks', 'list'))
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/));
      // A restarted sandbox leaves its dead predecessor behind.
      const running = tasks.find(([id, , status]) => sandboxes.includes(id ?? '') && status === 'RUNNING');
      if (!running) {
        throw new MeshproofError(
          'MESHPROOF_CAPTURE',
          `Pod ${pod.namespace}/${pod.name} has no running sandbox`,
          'Was it deleted just now?',
        );
      }
      // The pid is the node's; its own /proc, seen from the host, turns it into a namespace.
      return [
        'nsenter',
        `--pid=/proc/${node.pid}/ns/pid`,
        `--net=/proc/${node.pid}/root/proc/${running[1]}/ns/net`,
        '--',
        ...argv,
      ];
    },
  };
}
