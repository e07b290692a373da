import { parse, stringify } from 'yaml';
import { MeshproofError } from '../../base/errors.ts';
import type { ObjectMeta } from '../../kube/types.ts';
import type { InjectionMarks } from '../injectable.ts';
import type { Place } from './injectors.ts';
import { defaultRevision, labels } from './names.ts';
import { proxySettings } from './proxy-settings.ts';

/** The injector that is to take an application's pods. */
export interface Injection {
  revision: string;
  /** Names by which a namespace may ask for it: its revision, and the tags that stand for it. */
  names: readonly string[];
  /** What a namespace is labelled that asks for none itself. */
  label: Readonly<Record<string, string>>;
  /** Why it would leave the pods of a namespace outside, as its webhooks are; left out for meshproof's own. */
  trouble?: ((place: Place) => string | undefined) | undefined;
  /** The mesh's own configuration lacks what experiments need of proxies: pods say it themselves. */
  settingsByPod?: boolean | undefined;
}

/** Of an Istio that meshproof installs. */
export function ownInjection(revision: string): Injection {
  const label = revision === defaultRevision ? { [labels.injection]: 'enabled' } : { [labels.revision]: revision };
  return { revision, names: [revision], label };
}

const proxyConfig = 'proxy.istio.io/config';
type PodMeta = Pick<ObjectMeta, 'labels' | 'annotations'>;

/** How Istio's injector is told. */
export function injectionMarks(injection: Injection): InjectionMarks {
  return {
    staysOutside: (pod) => pod.labels?.[labels.inject] === 'false',
    // What a sidecar asks of a node: Istio's own defaults (100m, 128Mi) keep a dozen pods from fitting on two cores.
    pod: { annotations: { 'sidecar.istio.io/proxyCPU': '10m', 'sidecar.istio.io/proxyMemory': '64Mi' } },
    ...(injection.settingsByPod === true && { adjust: withProxySettings }),
    namespace({ name, labels: own = {} }) {
      refuseContradiction(name, own, injection);
      // It names the injector itself.
      const added = (own[labels.injection] ?? own[labels.revision]) ? {} : injection.label;
      const trouble = injection.trouble?.({ name, labels: { ...own, ...added } });
      if (trouble !== undefined) {
        throw refused(
          name,
          `would be left outside of the mesh: ${trouble}`,
          'Look at the labels of the namespace in the manifest, and at the webhooks: kubectl get mutatingwebhookconfigurations -o yaml',
        );
      }
      return { labels: added };
    },
  };
}

/** Labels with which the injector would leave every pod of the namespace outside, and say nothing. */
function refuseContradiction(
  namespace: string,
  own: Readonly<Record<string, string>>,
  { revision: wanted, names }: Injection,
): void {
  const { [labels.injection]: injection, [labels.revision]: revision } = own;
  if (injection !== undefined && revision !== undefined) {
    throw refused(
      namespace,
      `has ${labels.injection}=${injection} and ${labels.revision}=${revision}: Istio goes by the first and ignores the revision`,
      'Leave one of the two labels out of the manifest.',
    );
  }
  if (injection !== undefined && injection !== 'enabled') {
    throw refused(
      namespace,
      `has ${labels.injection}=${injection}: its pods would stay outside of the mesh`,
      `Leave the label out of the manifest; single pods stay outside with ${labels.inject}: "false".`,
    );
  }
  if (injection !== undefined && !names.includes(defaultRevision)) {
    throw refused(
      namespace,
      `has ${labels.injection}=${injection}: it asks for the default injector, and the lab's Istio is ${wanted}`,
      `Leave ${labels.injection} out of the manifest.`,
    );
  }
  if (revision !== undefined && !names.includes(revision)) {
    throw refused(
      namespace,
      `asks for the injector of revision ${revision}, and the lab's Istio is ${wanted}`,
      `Leave ${labels.revision} out of the manifest.`,
    );
  }
}

function refused(namespace: string, what: string, hint: string): MeshproofError {
  return new MeshproofError('MESHPROOF_APP_INVALID', `Namespace ${namespace} ${what}`, hint);
}

/**
 * What experiments need of a proxy, as a pod says it: Istio lays it over the mesh's own configuration, field by field. What the
 * pod says itself is kept, and the counters it asks for are added to.
 */
function withProxySettings(pod: PodMeta): PodMeta {
  const own = (parse(pod.annotations?.[proxyConfig] ?? '') ?? {}) as {
    proxyStatsMatcher?: { inclusionRegexps?: string[] };
  };
  const { inclusionRegexps = [], ...matcher } = own.proxyStatsMatcher ?? {};
  const all = proxySettings.proxyStatsMatcher.inclusionRegexps.filter((each) => !inclusionRegexps.includes(each));
  const merged = {
    ...proxySettings,
    ...own,
    proxyStatsMatcher: { ...matcher, inclusionRegexps: [...inclusionRegexps, ...all] },
  };
  return { ...pod, annotations: { ...pod.annotations, [proxyConfig]: stringify(merged) } };
}
