import { containerStatus } from '../kube/pod-status.ts';
import type { KubeObject } from '../kube/types.ts';
import type { SidecarContainers } from './meshed-pod.ts';
import type { StartTrouble } from './proxy-view.ts';

/** Pure: the init container that sets the pod's rules, or the sidecar, ended with an error. */
export function containerTrouble(pod: KubeObject, { init, sidecar }: SidecarContainers): StartTrouble | undefined {
  for (const name of [init, sidecar]) {
    const status = containerStatus(pod, name);
    const ended = [status?.state?.terminated, status?.lastState?.terminated].find(
      (each) => (each?.exitCode ?? 0) !== 0,
    );
    if (status === undefined || ended === undefined || status.ready) continue;
    const lines = (ended.message ?? '').trim().split('\n').filter(Boolean).slice(-3);
    const said = lines.at(-1) ?? `exit code ${ended.exitCode}, and it wrote nothing`;
    return {
      cause: 'control plane',
      observed: `${name} does not come up: ${said}`,
      evidence: [`${name} ended with ${ended.exitCode}, restarts: ${status.restartCount}`, ...lines],
    };
  }
  return undefined;
}
