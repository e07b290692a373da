import type { MeshInstallation } from '../meshes/adapter.ts';

/** `adopted as it was: revision canary (tag prod) in istio-system, policies in the dialect gateway-api` */
export function installationText(installation: MeshInstallation): string {
  const { adopted, namespace, revision, tags = [], profile, dialect, release } = installation;
  const names = tags.length > 0 ? ` (${tags.length === 1 ? 'tag' : 'tags'} ${tags.join(', ')})` : '';
  const what = [
    ...(revision === undefined ? [] : [`revision ${revision}${names}`]),
    ...(profile === undefined ? [] : [`profile ${profile}`]),
    ...(release === undefined ? [] : [`official release ${release}`]),
  ].join(', ');
  return `${adopted ? 'adopted as it was' : 'installed by meshproof'}: ${what} in ${namespace}${dialect === undefined ? '' : `, policies in the dialect ${dialect}`}`;
}
