import { randomBytes } from 'node:crypto';
import { MeshproofError } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll.ts';
import { isReady } from '../../kube/pod-status.ts';
import type { KubeObject } from '../../kube/types.ts';
import { outsideOf } from '../../meshes/index.ts';
import { probeLabel, probePrefix, judged, type Check, type CheckContext } from './check.ts';
import { resolveInPod } from './dns.ts';
import { podProblem, type PodJson } from './pod.ts';

const readyTimeoutMs = 30_000;
/** Both of two equally likely endpoints are seen unless chance strikes with 2 * 2^-24 = 1.2e-7. */
const requests = 24;
const port = 8080;

/** Pure: a namespace with two pods that answer with their own name, and a Service in front. */
export function probeObjects(namespace: string, image: string): KubeObject[] {
  const labels = { [probeLabel]: 'true' };
  const outside = outsideOf();
  const script = `busybox hostname > /www/index.html && exec busybox httpd -f -p ${port} -h /www`;
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
    ...[0, 1].map((index) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `echo-${index}`,
        namespace,
        labels: { ...outside.labels, ...labels, app: 'echo' },
        annotations: outside.annotations,
      },
      spec: {
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'echo',
            image,
            imagePullPolicy: 'IfNotPresent',
            command: ['busybox', 'sh', '-c', script],
            securityContext: { runAsUser: 65534, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            readinessProbe: {
              exec: { command: ['busybox', 'wget', '-qO-', `http://127.0.0.1:${port}/`] },
              periodSeconds: 1,
            },
            volumeMounts: [{ name: 'www', mountPath: '/www' }],
          },
        ],
        volumes: [{ name: 'www', emptyDir: {} }],
      },
    })),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'echo', namespace, labels },
      spec: { selector: { app: 'echo' }, ports: [{ port: 80, targetPort: port }] },
    },
  ];
}

/**
 * Two unmeshed pods behind one Service: they start (scheduler, kubelet, network), its name resolves to its address from
 * inside, and both answer through it. The last one is what a kube-proxy with half of its rules fails at, silently.
 */
export const serviceProbe: Check = {
  id: 'kubernetes/service-balancing',
  title: 'A new Service with two endpoints is found by name and reaches both',
  category: 'kubernetes',
  makes: true,
  async run(context) {
    const { probeImage, kube } = context;
    if (probeImage === undefined) return { status: 'skipped', observed: 'no image was given for the probe pods' };
    const namespace = `${probePrefix}${randomBytes(4).toString('hex')}`;
    try {
      await kube.apply(probeObjects(namespace, probeImage));
      return await probe(context, namespace);
    } finally {
      await kube.delete(`/api/v1/namespaces/${namespace}`, { propagation: 'Background' });
    }
  },
};

async function probe(context: CheckContext, namespace: string): ReturnType<Check['run']> {
  const { kube, clock, signal } = context;
  const start = clock.monotonicMs();
  const hint = 'kube-proxy, its iptables modules, the CNI plugin and CoreDNS are what this needs.';
  try {
    await pollUntil(
      async () => {
        const pods = await kube.list<PodJson>(`/api/v1/namespaces/${namespace}/pods`);
        const late = pods.filter((pod) => !isReady(pod)).map((pod) => podProblem(pod, clock.now()));
        return pods.length === 2 && late.length === 0 ? { ready: true } : { pending: late.join('; ') };
      },
      { what: 'probe pods', timeoutMs: readyTimeoutMs, signal, clock },
    );
  } catch (error) {
    if (!(error instanceof MeshproofError) || error.code !== 'MESHPROOF_TIMEOUT') throw error;
    return { status: 'fail', observed: error.message, hint };
  }
  const startedMs = Math.round(clock.monotonicMs() - start);
  const pod = { namespace, pod: 'echo-0' };
  const service = await kube.get(`/api/v1/namespaces/${namespace}/services/echo`);
  const { clusterIP } = service['spec'] as { clusterIP: string };
  const problems: string[] = [];
  const { addresses, output } = await resolveInPod(kube, pod, `echo.${namespace}.svc.cluster.local`);
  if (!addresses.includes(clusterIP))
    problems.push(`the new Service's name does not resolve to ${clusterIP}: ${output.slice(-160)}`);
  const seen = await whoAnswers(context, namespace, clusterIP);
  for (const name of ['echo-0', 'echo-1']) {
    if (!seen.has(name)) problems.push(`endpoint ${name} never answered through the Service`);
  }
  const failed = seen.get('') ?? 0;
  if (failed > 0)
    problems.push(
      `${failed} of ${[...seen.values()].reduce((sum, count) => sum + count, 0)} requests through the Service failed`,
    );
  const counts = ['echo-0', 'echo-1'].map((name) => `${name} ${seen.get(name) ?? 0}`).join(', ');
  return judged(problems, `two pods ready after ${startedMs} ms; answers by endpoint: ${counts}`, hint);
}

/** Answers by pod name, `''` for a request that failed. Polled once more while kube-proxy takes in the new endpoints. */
async function whoAnswers(
  { kube, clock, signal }: CheckContext,
  namespace: string,
  clusterIP: string,
): Promise<Map<string, number>> {
  // Not wget's own -T: in Debian's busybox-static 1.35 it dies of it (signal 11).
  // Four failures say enough, at two seconds each.
  const script = `i=0; f=0; while [ $i -lt ${requests} ] && [ $f -lt 4 ]; do
    busybox timeout 2 busybox wget -qO- http://${clusterIP}/ || { echo; f=$((f+1)); }; i=$((i+1)); done`;
  let seen = new Map<string, number>();
  const look = async (): Promise<Map<string, number>> => {
    const { stdout } = await kube.exec({ namespace, name: 'echo-0' }, ['busybox', 'sh', '-c', script], {
      timeoutMs: 55_000,
      signal,
    });
    const counts = new Map<string, number>();
    for (const line of stdout.replace(/\n$/, '').split('\n'))
      counts.set(line.trim(), (counts.get(line.trim()) ?? 0) + 1);
    return counts;
  };
  try {
    return await pollUntil<Map<string, number>>(
      async () => {
        seen = await look();
        return seen.has('echo-0') && seen.has('echo-1') && !seen.has('')
          ? { ready: seen }
          : { pending: 'not both endpoints' };
      },
      { what: 'both endpoints', timeoutMs: 5000, intervalMs: 250, signal, clock },
    );
  } catch (error) {
    if (error instanceof MeshproofError && error.code === 'MESHPROOF_TIMEOUT') return seen;
    throw error;
  }
}
