import type { MeshInstallation, MeshSetup } from '../adapter.ts';
import { controlPlane, defaultRevision, istioNamespace, labels, trustDomain } from './names.ts';

/** The Istio of a lab: what differs from one to the next, and everything else goes by. */
export interface IstioInstallation extends MeshInstallation {
  revision: string;
  tags: readonly string[];
  /** Name of istiod's Deployment. */
  deployment: string;
  trustDomain: string;
}

/** What the one that meshproof installs is. */
export function ownInstallation({
  revision = defaultRevision,
  profile,
  dialect,
  release,
}: MeshSetup): IstioInstallation {
  return {
    adopted: false,
    namespace: istioNamespace,
    revision,
    tags: [],
    ...(profile !== undefined && { profile }),
    ...(release !== undefined && { release }),
    deployment: istiodName(revision),
    trustDomain,
    ...(dialect !== undefined && { dialect }),
  };
}

/** Of the Deployment of an istiod, as its installer calls it. */
export function istiodName(revision = defaultRevision): string {
  return revision === defaultRevision ? controlPlane : `${controlPlane}-${revision}`;
}

/** Label selector of the pods of an istiod. */
export function istiodPods(revision: string): string {
  return `app=${controlPlane},${labels.revision}=${revision}`;
}
