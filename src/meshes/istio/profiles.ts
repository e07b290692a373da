import { didYouMean } from '../../base/did-you-mean.ts';
import { MeshproofError } from '../../base/errors.ts';
import type { MeshSetup } from '../adapter.ts';

/** istiod, and nothing else: no gateways. */
export const defaultProfile = 'minimal';

/** Of Istio's own profiles those that work here. https://istio.io/latest/docs/setup/additional-setup/config-profiles */
const usable = [defaultProfile, 'default', 'demo', 'preview', 'stable'];
/** Why others do not. */
const unusable: Readonly<Record<string, string>> = {
  ambient: 'it needs ztunnel, which is in no package registry, and meshproof proves sidecars only',
  empty: 'it has no control plane',
  openshift: 'it needs OpenShift, and Istio’s CNI plugin as an image',
  remote: 'it has no control plane: its istiod is in another cluster',
};

/** Before anything starts. @throws MeshproofError MESHPROOF_USAGE */
export function checkSetup({ installed, profile, revision }: MeshSetup): void {
  if (installed === true && profile !== undefined) {
    throw usage(
      `An Istio that is there keeps its profile: ${profile} cannot be asked of it`,
      'Leave --mesh-profile out, or --mesh-installed.',
    );
  }
  if (revision !== undefined && !/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/.test(revision)) {
    throw usage(
      `${revision} cannot be a revision of Istio: it becomes part of names of objects`,
      'Lower-case letters, digits and dashes, such as 1-31-0 or canary.',
    );
  }
  if (profile === undefined || usable.includes(profile)) return;
  const why = unusable[profile.includes('ambient') ? 'ambient' : profile];
  const nearest = didYouMean(profile, usable);
  const others = `Choose one of ${usable.join(', ')}.`;
  if (why !== undefined) throw usage(`The profile ${profile} cannot be used: ${why}`, others);
  throw usage(`Istio has no profile ${profile}`, nearest === undefined ? others : `Did you mean ${nearest}?`);
}

function usage(message: string, hint: string): MeshproofError {
  return new MeshproofError('MESHPROOF_USAGE', message, hint);
}
