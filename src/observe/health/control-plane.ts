import { randomBytes } from 'node:crypto';
import { MeshproofError, messageOf } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll.ts';
import { isHttpStatus } from '../../kube/kube-api-error.ts';
import type { KubeObject } from '../../kube/types.ts';
import { outsideOf } from '../../meshes/index.ts';
import { probeLabel, probePrefix, judged, type Check, type CheckContext } from './check.ts';

/** Pure: names of the API server's own checks that are not ok, from `/livez?verbose` or `/readyz?verbose`. */
export function failedProbes(verbose: string): string[] {
  const lines = verbose.split('\n').filter((line) => /^\[[+-]\]/.test(line));
  if (lines.length === 0) return ['the API server gave no list of checks'];
  return lines.filter((line) => line.startsWith('[-]')).map((line) => line.slice(3).split(' ')[0]!);
}

function apiProbe(endpoint: 'livez' | 'readyz', title: string): Check {
  return {
    id: `kubernetes/api-${endpoint}`,
    title,
    category: 'kubernetes',
    async run({ kube }) {
      let body: string;
      try {
        body = await kube.getText(`/${endpoint}?verbose`);
      } catch (error) {
        // It answers 500 with the list of what is wrong.
        if (!isHttpStatus(error, 500) && !isHttpStatus(error, 503)) throw error;
        return { status: 'fail', observed: messageOf(error), hint: 'Look at the API server log.' };
      }
      return judged(
        failedProbes(body).map((name) => `${endpoint}: ${name}`),
        `${body.split('\n').filter((line) => line.startsWith('[+]')).length} checks ok`,
        'Look at the API server log; an etcd that is slow or full is the usual cause.',
      );
    },
  };
}

export const apiLive = apiProbe('livez', 'The API server and its etcd are alive');
export const apiReady = apiProbe('readyz', 'The API server is ready');

const deadlineMs = 15_000;

/** Outside the namespaces under test where possible: their meshes and policies have no say in it. */
function probeNamespace(namespaces: readonly string[]): string {
  return namespaces.includes('default') ? 'kube-system' : 'default';
}

function probe(kind: 'Job' | 'Pod', namespace: string): KubeObject {
  const pod = {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    containers: [{ name: 'never-started', image: 'meshproof.dev/never-started:0' }],
  };
  const outside = outsideOf();
  const metadata = {
    name: `${probePrefix}${randomBytes(4).toString('hex')}`,
    namespace,
    labels: { ...outside.labels, [probeLabel]: 'true' },
    annotations: outside.annotations,
  };
  if (kind === 'Job')
    return { apiVersion: 'batch/v1', kind, metadata, spec: { suspend: true, template: { spec: pod } } };
  return { apiVersion: 'v1', kind, metadata, spec: { ...pod, nodeSelector: { 'meshproof.dev/no-such-node': 'true' } } };
}

/** Creates the object, waits for a condition that only the component in question writes, and takes it away again. */
async function answered(
  context: CheckContext,
  kind: 'Job' | 'Pod',
  component: string,
  condition: string,
): Promise<number> {
  const { kube, clock, signal, namespaces } = context;
  const object = probe(kind, probeNamespace(namespaces));
  const path = await kube.pathOf(object);
  const start = clock.monotonicMs();
  try {
    await kube.create(object);
    return await pollUntil<number>(
      async () => {
        const seen = await kube.get(path);
        const conditions = ((seen['status'] as { conditions?: { type: string }[] } | undefined)?.conditions ?? []) as {
          type: string;
        }[];
        return conditions.some(({ type }) => type === condition)
          ? { ready: Math.round(clock.monotonicMs() - start) }
          : { pending: `no condition ${condition} on ${object.kind} ${object.metadata.name}` };
      },
      { what: component, timeoutMs: deadlineMs, intervalMs: 50, signal, clock },
    );
  } finally {
    await kube.delete(path, { gracePeriodSeconds: 0, propagation: 'Background' });
  }
}

function controller(options: {
  id: string;
  title: string;
  kind: 'Job' | 'Pod';
  condition: string;
  did: string;
  component: string;
}): Check {
  const { id, title, kind, condition, did, component } = options;
  return {
    id,
    title,
    category: 'kubernetes',
    makes: true,
    async run(context) {
      try {
        return { status: 'pass', observed: `${did} within ${await answered(context, kind, component, condition)} ms` };
      } catch (error) {
        context.signal.throwIfAborted();
        if (!(error instanceof MeshproofError) || error.code !== 'MESHPROOF_TIMEOUT') throw error;
        return {
          status: 'fail',
          observed: error.message,
          hint: `The ${component} does not act: look whether it runs and has its lease.`,
        };
      }
    },
  };
}

/**
 * Component statuses are gone from Kubernetes, and the components listen on loopback only; so each is given work. This
 * proves that the Job controller acts on a suspended Job (no pod comes of it), hence that the manager's loops run.
 */
export const controllerManager = controller({
  id: 'kubernetes/controller-manager',
  title: 'The controller manager acts on a new object',
  kind: 'Job',
  condition: 'Suspended',
  did: 'a suspended Job was taken note of',
  component: 'controller manager',
});

/** Proves that the scheduler looks at new pods: it must say of a pod for a node that does not exist that it cannot place it. */
export const scheduler = controller({
  id: 'kubernetes/scheduler',
  title: 'The scheduler decides on a new pod',
  kind: 'Pod',
  condition: 'PodScheduled',
  did: 'a pod for a node that does not exist was refused',
  component: 'scheduler',
});
