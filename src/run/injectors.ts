import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { undoPodAgent, type PodAgentArgs } from '../faults/injectors/pod-agent.ts';
import { runAppCommand } from '../lab/app-command.ts';
import { replacePods } from '../lab/app-pods.ts';
import { capturesDir } from './capture-edges.ts';
import type { Lab } from '../lab/lab.ts';
import { readyPods } from '../kube/pods.ts';
import { labelSelector } from '../kube/selector.ts';
import type { PolicyRollback } from '../meshes/policy-plan.ts';
import type { Injector } from './rollback.ts';

/** With a limit of its own: it must also work after the run was interrupted. */
const replaceTimeoutMs = 120_000;

/** Everything that takes a change back from data alone, in this process or in a later one. */
export function injectorsOf(lab: Lab): Record<string, Injector> {
  const { kube, mesh, app } = lab;
  return {
    api: async (args) => {
      await kube.delete((args as { delete: string }).delete);
    },
    'pod-agent': (args) => undoPodAgent(kube, args as unknown as PodAgentArgs),
    'mesh-policies': (args) => mesh.restorePolicies(args as unknown as PolicyRollback),
    'key-logs': async () => {
      await mesh.keyLogs?.stop();
    },
    'app-command': async (args) => {
      const { namespace, service, command } = args as { namespace: string; service: string; command: string[] };
      const selector = app.app.services.find(({ name }) => name === service)?.selector ?? { app: service };
      const pods = await readyPods(kube, namespace, labelSelector(selector));
      // Its namespace may be gone, and the change with it.
      if (pods.length === 0) return;
      await runAppCommand(kube, { app: app.app, namespace, pods: () => Promise.resolve(pods) }, { service, command });
    },
    'replace-pods': (args) =>
      replacePods(lab, (args as { service: string }).service, AbortSignal.timeout(replaceTimeoutMs)),
    'host-folder': async (args) => {
      const { folder } = args as { folder: string };
      // The journal is data: whoever wrote to it must not be able to delete anything else.
      if (dirname(folder) === capturesDir) await rm(folder, { recursive: true, force: true });
    },
  };
}
