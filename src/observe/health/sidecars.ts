import { isTerminating, podName } from '../../kube/pod-status.ts';
import type { MeshAdapter, MeshCheck } from '../../meshes/adapter.ts';
import type { PodRef } from '../../kube/types.ts';
import { judged, seconds, settled, type Check, type Finding } from './check.ts';
import type { HealthCheck } from './health.ts';
import { hasContainer, type PodJson } from './pod.ts';
import { withoutUnreachable } from './pods.ts';

/** Pods that carry the mesh's sidecar, as a container or a native sidecar. */
export function meshedPods(pods: readonly PodJson[], sidecarContainer: string): PodJson[] {
  return pods.filter(
    (pod) => !isTerminating(pod) && pod.status?.phase === 'Running' && hasContainer(pod, sidecarContainer),
  );
}

export function refOf({ metadata, spec, status }: PodJson): PodRef {
  return {
    namespace: metadata.namespace!,
    name: metadata.name,
    uid: metadata.uid!,
    ip: status?.podIP ?? '',
    node: spec.nodeName ?? '',
  };
}

/** Checks of a mesh, those that every mesh gets and its own; they exist only for a run that has one. */
export function meshChecks(mesh: MeshAdapter): Check[] {
  return [meshComponents(mesh), sidecars(mesh), meshCertificates(mesh), ...mesh.healthChecks().map(ownCheck)];
}

function ownCheck({ id, title, category, look }: MeshCheck): Check {
  return {
    id,
    title,
    category,
    async run(context) {
      const { problems, findings = [], fine, hint } = await settled(look, ({ passing = false }) => passing, context);
      const instead = findings.map((finding): HealthCheck => ({ ...finding, category, status: 'fail' }));
      return { ...judged(problems, fine, hint), ...(instead.length > 0 && { instead }) };
    },
  };
}

function meshComponents(mesh: MeshAdapter): Check {
  return {
    id: 'mesh/components',
    title: `Every component of ${mesh.name} is ready`,
    category: 'mesh',
    async run(context) {
      const components = await settled(
        () => mesh.components(),
        (seen) => seen.some(({ ready }) => !ready),
        context,
      );
      const problems = components
        .filter(({ ready }) => !ready)
        .map(({ name, version }) => `${name} ${version} is not ready`);
      if (components.length === 0) problems.push(`${mesh.name} has no component`);
      return judged(
        problems,
        components.map(({ name, version }) => `${name} ${version}`).join(', '),
        'Look at the pods of the mesh’s own namespace.',
      );
    },
  };
}

function sidecars(mesh: MeshAdapter): Check {
  return {
    id: 'mesh/sidecars',
    title: 'Every pod’s sidecar is connected and in sync',
    category: 'mesh',
    async run(context) {
      const { pods, namespaces, expected, meshedNamespaces = namespaces } = context;
      const all = await pods();
      const away = all.filter(({ metadata }) => expected?.unreachable?.includes(metadata.uid!)).map(podName);
      const problems = await settled(
        async () =>
          (await mesh.sidecarProblems([...meshedNamespaces])).filter(
            ({ namespace, pod }) => !away.includes(`${namespace}/${pod}`),
          ),
        // Nobody puts a sidecar into a pod that came up without one.
        (seen) => seen.some(({ problem }) => problem !== 'no-sidecar'),
        context,
      );
      const meshed = meshedPods(all, mesh.sidecarContainer);
      if (problems.length === 0 && meshed.length === 0) return noneMeshed(meshedNamespaces);
      return judged(
        problems.map(
          ({ namespace, pod, service, problem, detail }) => `${namespace}/${pod} (${service}): ${problem}: ${detail}`,
        ),
        `${meshed.length} of ${meshed.length} meshed pods`,
        'A pod made before the mesh was ready stays outside: delete it, so that it is made again.',
      );
    },
  };
}

function noneMeshed(namespaces: readonly string[]): Finding {
  return {
    status: 'invalid',
    observed: `no meshed pod runs in ${namespaces.join(', ')}`,
    hint: 'Is the mesh injected there?',
  };
}

export interface LeafCertificate {
  identity: string;
  notBefore: number;
  notAfter: number;
}

/** Pure: what is wrong with the certificates a proxy holds. */
export function certificateProblems(
  pod: string,
  certificates: readonly LeafCertificate[],
  options: { now: number; minLeftMs: number },
): string[] {
  const { now, minLeftMs } = options;
  if (certificates.length === 0) return [`${pod} holds no certificate`];
  return certificates.flatMap(({ identity, notBefore, notAfter }) => {
    const left = notAfter - now;
    if (!(notBefore <= now)) return [`${pod}: certificate of ${identity} is not valid yet`];
    if (!(left > 0)) return [`${pod}: certificate of ${identity} expired ${seconds(-left)} ago`];
    return left < minLeftMs
      ? [`${pod}: certificate of ${identity} lives ${seconds(left)} more, less than ${seconds(minLeftMs)}`]
      : [];
  });
}

function meshCertificates(mesh: MeshAdapter): Check {
  return {
    id: 'certificates/mesh',
    title: 'Mesh certificates are valid and not about to expire',
    category: 'certificates',
    async run({ pods, clock, namespaces, expected, minCertificateLeftMs = 600_000 }) {
      const meshed = meshedPods(withoutUnreachable(await pods(), expected).judgedPods, mesh.sidecarContainer);
      if (meshed.length === 0) return noneMeshed(namespaces);
      const held = await Promise.all(
        meshed.map(async (pod) => ({ pod: podName(pod), certificates: await mesh.certificates(refOf(pod)) })),
      );
      const options = { now: clock.now(), minLeftMs: minCertificateLeftMs };
      const soonest = Math.min(...held.flatMap(({ certificates }) => certificates.map(({ notAfter }) => notAfter)));
      return judged(
        held.flatMap(({ pod, certificates }) => certificateProblems(pod, certificates, options)),
        `${held.length} proxies, the first certificate expires in ${seconds(soonest - options.now)}`,
        'The mesh renews them by itself: look at its certificate authority and at the clocks.',
      );
    },
  };
}
