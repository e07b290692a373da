import type { KubeObject } from '../../../kube/types.ts';
import { isOpaque } from '../inject.ts';
import { hostName } from '../names.ts';
import { toObject } from '../resources.ts';
import { plainProfile } from './profile-resource.ts';

/**
 * Pure: for every HTTP service of an app a ServiceProfile that says nothing, unless its manifests have one. They come with the app:
 * a proxy that calls a service before it has one goes on without, as long as it calls at least every 5 s.
 */
export function profilesOf(objects: readonly KubeObject[], namespace: string): KubeObject[] {
  const here = objects.filter(({ metadata }) => (metadata.namespace ?? namespace) === namespace);
  const there = here.filter(({ kind }) => kind === 'ServiceProfile').map(({ metadata }) => metadata.name);
  return here
    .filter(({ kind, spec }) => kind === 'Service' && speaksHttp((spec?.ports ?? []) as { appProtocol?: string }[]))
    .map(({ metadata }) => metadata.name)
    .filter((name) => !there.includes(hostName(name, namespace)))
    .map((name) => toObject(plainProfile(name), namespace));
}

function speaksHttp(ports: readonly { appProtocol?: string }[]): boolean {
  return ports.some(({ appProtocol }) => !isOpaque(appProtocol));
}
