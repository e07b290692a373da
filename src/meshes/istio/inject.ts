import { MeshproofError } from '../../base/errors.ts';
import type { InjectionMarks } from '../injectable.ts';
import { defaultRevision, labels } from './names.ts';

/** How Istio's injector is told. */
export const injectionMarks: InjectionMarks = {
  staysOutside: (pod) => pod.labels?.[labels.inject] === 'false',
  // What a sidecar asks of a node: Istio's own defaults (100m, 128Mi) keep a dozen pods from fitting on two cores.
  pod: { annotations: { 'sidecar.istio.io/proxyCPU': '10m', 'sidecar.istio.io/proxyMemory': '64Mi' } },
  namespace({ name, labels: own = {} }) {
    refuseContradiction(name, own[labels.injection], own[labels.revision]);
    // It names the injector itself.
    return own[labels.revision] === undefined ? { labels: { [labels.injection]: 'enabled' } } : {};
  },
};

/** Labels with which the injector would leave every pod of the namespace outside, and say nothing. */
function refuseContradiction(namespace: string, injection: string | undefined, revision: string | undefined): void {
  const refused = (what: string, hint: string): MeshproofError =>
    new MeshproofError('MESHPROOF_APP_INVALID', `Namespace ${namespace} ${what}`, hint);
  if (injection !== undefined && revision !== undefined) {
    throw refused(
      `has ${labels.injection}=${injection} and ${labels.revision}=${revision}: Istio goes by the first and ignores the revision`,
      'Leave one of the two labels out of the manifest.',
    );
  }
  if (injection !== undefined && injection !== 'enabled') {
    throw refused(
      `has ${labels.injection}=${injection}: its pods would stay outside of the mesh`,
      `Leave the label out of the manifest; single pods stay outside with ${labels.inject}: "false".`,
    );
  }
  if (revision !== undefined && revision !== defaultRevision) {
    throw refused(
      `asks for the injector of revision ${revision}, and the lab's Istio is ${defaultRevision}`,
      `Leave ${labels.revision} out of the manifest.`,
    );
  }
}
