import { MeshproofError } from '../../base/errors.ts';
import { runCommand } from '../../base/process.ts';
import type { PodRef } from '../../kube/types.ts';
import type { PodNetworkAccess } from '../provider.ts';
import type { ContainerdAccess } from './image-import.ts';

/**
 * Commands in a pod's network, of the host's programs on the host's files. They live in the node's pid namespace, so
 * they die with the lab at the latest.
 */
export function podNetworkOf(nodePid: number, containerd: ContainerdAccess): PodNetworkAccess {
  const ctr = async (...args: string[]): Promise<string> => {
    const argv = [containerd.ctr, '--address', containerd.address, '--namespace', 'k8s.io', ...args];
    return (await runCommand(argv, { env: containerd.env, timeoutMs: 10_000, signal: containerd.signal })).stdout;
  };
  return {
    async command(pod: PodRef, argv: readonly string[]): Promise<string[]> {
      const filter = `labels."io.kubernetes.pod.uid"==${pod.uid},labels."io.cri-containerd.kind"==sandbox`;
      const sandboxes = (await ctr('containers', 'list', '--quiet', filter)).trim().split('\n').filter(Boolean);
      const tasks = (await ctr('tasks', 'list'))
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
        `--pid=/proc/${nodePid}/ns/pid`,
        `--net=/proc/${nodePid}/root/proc/${running[1]}/ns/net`,
        '--',
        ...argv,
      ];
    },
  };
}
