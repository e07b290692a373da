import pLimit from 'p-limit';
import type { RunningApp } from '../apps/app.ts';
import { messageOf } from '../base/errors.ts';
import type { AppLooks } from '../claims/arm.ts';
import type { RunContext } from '../claims/context.ts';
import type { EvidencePath } from '../evidence/path.ts';
import { readAppMetrics, type AppSnapshot } from '../observe/telemetry/app-metrics.ts';
import { containerUsage, type ContainerUsage } from '../observe/telemetry/resources.ts';

/** One look past the proxies: what services count of themselves, and what their containers use. */
export interface AppLook {
  apps: AppSnapshot[];
  usage: ContainerUsage[];
  /** Uids of the pods of each service. */
  pods: Record<string, string[]>;
  /** Why something could not be seen; a service without metrics of its own is no problem. */
  problems: string[];
}

export async function appLook(
  app: RunningApp,
  services: readonly string[],
  { lab, clock }: RunContext,
): Promise<AppLook> {
  const problems: string[] = [];
  const limit = pLimit(6);
  const http = app.app.services.filter(({ name, protocol }) => services.includes(name) && protocol === 'http');
  const told = await Promise.all(
    http.map(async ({ name, containerPort }) =>
      Promise.all(
        (await app.pods(name)).map((pod) =>
          limit(async (): Promise<AppSnapshot | undefined> => {
            try {
              const reply = await lab.kube.podHttp(pod, containerPort, '/metrics', { timeoutMs: 5000 });
              const found = reply.status === 200 ? readAppMetrics(reply.body) : undefined;
              return found && { pod: pod.name, podUid: pod.uid, service: name, takenAt: clock.now(), ...found };
            } catch (error) {
              problems.push(`${name}/${pod.name}: ${messageOf(error)}`);
              return undefined;
            }
          }),
        ),
      ),
    ),
  );
  const pods = await Promise.all(
    services.map(async (name) => [name, (await app.pods(name)).map(({ uid }) => uid)] as const),
  );
  const usage = await containerUsage(lab.kube, app.namespace).catch((error: unknown) => {
    problems.push(`kubelet: ${messageOf(error)}`);
    return [];
  });
  return {
    apps: told.flat().filter((snapshot) => snapshot !== undefined),
    usage,
    pods: Object.fromEntries(pods),
    problems,
  };
}

/** Writes the looks of an arm. */
export async function appEvidence(
  { start, end }: { start: AppLook; end: AppLook },
  { path, evidence }: { path: (file: string) => EvidencePath; evidence: RunContext['evidence'] },
): Promise<AppLooks> {
  const problems = [...new Set([...start.problems, ...end.problems])];
  if (problems.length > 0) await evidence.json(path('app-problems.json'), problems);
  const told = new Set(start.apps.map(({ service }) => service));
  return {
    counts: {
      before: await evidence.json(path('apps-start.json'), start.apps),
      after: await evidence.json(path('apps-end.json'), end.apps),
    },
    usage: {
      before: await evidence.json(path('usage-start.json'), start.usage),
      after: await evidence.json(path('usage-end.json'), end.usage),
    },
    ...(start.usage.length + end.usage.length === 0 && {
      noUsage: problems.find((problem) => problem.startsWith('kubelet: ')) ?? 'the kubelets measured no container',
    }),
    telling: [...new Set(end.apps.map(({ service }) => service))].filter((service) => told.has(service)).sort(),
  };
}
