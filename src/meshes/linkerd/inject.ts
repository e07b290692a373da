import type { KubeObject } from '../../kube/types.ts';
import { injectable, type InjectionMarks } from '../injectable.ts';
import { annotations } from './names.ts';

const marks: InjectionMarks = {
  staysOutside: (pod) => pod.annotations?.[annotations.inject] === 'disabled',
  pod: { annotations: { [annotations.inject]: 'enabled' } },
};

/** Pure: pods are marked for the injector, and ports that speak no HTTP as opaque: the proxy would wait for the client to speak first. */
export function meshed(objects: readonly KubeObject[], namespace: string): KubeObject[] {
  return injectable(objects, { namespace, marks }).map((object) => {
    if (object.kind !== 'Service' || (object.metadata.namespace ?? namespace) !== namespace) return object;
    const opaque = ((object.spec?.ports ?? []) as { port: number; appProtocol?: string }[])
      .filter(({ appProtocol }) => isOpaque(appProtocol))
      .map(({ port }) => port);
    if (opaque.length === 0) return object;
    const { metadata } = object;
    return {
      ...object,
      metadata: { ...metadata, annotations: { [annotations.opaquePorts]: opaque.join(','), ...metadata.annotations } },
    };
  });
}

/** A Service's word for it. */
export function isOpaque(appProtocol: string | undefined): boolean {
  return appProtocol !== undefined && ['tcp', 'linkerd.io/tcp', 'linkerd.io/opaque'].includes(appProtocol);
}
