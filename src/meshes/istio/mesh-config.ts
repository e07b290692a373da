import { parse } from 'yaml';
import { getIfThere } from '../../kube/get-if-there.ts';
import { unmet, type LabelSelector } from '../../kube/selector.ts';
import type { KubeClient } from '../../kube/types.ts';
import type { Istiod } from './found.ts';
import { defaultRevision, trustDomain as usualTrustDomain } from './names.ts';

/** Of `meshConfig` what an experiment depends on. https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1 */
export interface MeshConfig {
  trustDomain: string;
  /** Empty: istiod looks at every namespace. */
  discoverySelectors: readonly LabelSelector[];
}

/** The configuration that an istiod reads: a ConfigMap beside it. Nothing is changed. */
export async function readMeshConfig(
  kube: KubeClient,
  { namespace, revision }: Pick<Istiod, 'namespace' | 'revision'>,
): Promise<MeshConfig> {
  const there = await getIfThere(kube, `/api/v1/namespaces/${namespace}/configmaps/${configName(revision)}`);
  const { mesh = '' } = (there?.['data'] ?? {}) as { mesh?: string };
  return meshConfigOf(mesh);
}

/** Of the ConfigMap that the istiod of a revision reads. */
export function configName(revision = defaultRevision): string {
  return revision === defaultRevision ? 'istio' : `istio-${revision}`;
}

/** Pure. @param text YAML; empty: istiod's own defaults */
export function meshConfigOf(text: string): MeshConfig {
  const { trustDomain, discoverySelectors } = (parse(text) ?? {}) as Partial<MeshConfig>;
  return { trustDomain: trustDomain || usualTrustDomain, discoverySelectors: discoverySelectors ?? [] };
}

/** Pure: why istiod tells the proxies of a namespace nothing; undefined: it looks there. */
export function overlooks(
  { discoverySelectors }: Pick<MeshConfig, 'discoverySelectors'>,
  place: { name: string; labels: Readonly<Record<string, string>> },
): string | undefined {
  const labels = { ...place.labels, 'kubernetes.io/metadata.name': place.name };
  const missed = discoverySelectors.map((selector) => unmet(selector, labels));
  if (missed.length === 0 || missed.includes(undefined)) return undefined;
  return `istiod looks only at namespaces that its discoverySelectors take: ${missed.join(', or ')}`;
}
