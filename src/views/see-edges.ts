import type { MeshAdapter } from '../meshes/adapter.ts';
import { askProxies } from './ask-proxies.ts';
import type { ProxyFacts } from './edges.ts';
import type { SeenPod } from './seen-pods.ts';

type Asked = Pick<MeshAdapter, 'proxyView' | 'certificates' | 'metrics'>;

/** Asks every proxy for what edges are made of. Whom the mesh calls otherwise than its Service is called as in the mesh. */
export async function seeEdges(
  pods: readonly SeenPod[],
  mesh: Asked,
  signal: AbortSignal,
): Promise<{ pods: SeenPod[]; proxies: ProxyFacts[]; problems: string[] }> {
  const { answers, problems } = await askProxies(
    pods,
    async (ref) => {
      const [view, certificates, snapshot] = await Promise.all([
        mesh.proxyView(ref),
        mesh.certificates(ref),
        mesh.metrics(ref),
      ]);
      const { connections, tlsHandshakes: handshakes } = snapshot.inbound;
      // An authority in a chain has no identity.
      const identities = [...new Set(certificates.map(({ identity }) => identity).filter(Boolean))];
      return { view, identities, service: snapshot.service, inbound: { connections, handshakes } };
    },
    signal,
  );
  const proxies = answers.map(({ pod, value: { service, ...facts } }) => ({
    pod: { ...pod, service: service || pod.service },
    ...facts,
  }));
  const named = pods.map((pod) => proxies.find((proxy) => proxy.pod.ref.uid === pod.ref.uid)?.pod ?? pod);
  const silent = proxies.flatMap(({ pod, view: { uncounted } }) =>
    uncounted === undefined ? [] : [`${pod.ref.name}: its proxy leaves out counters: ${uncounted}`],
  );
  return { pods: named, proxies, problems: [...problems, ...silent] };
}
