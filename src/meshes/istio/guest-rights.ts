import type { Right } from '../../kube/rights.ts';
import { definitionNames } from './found.ts';
import { istiodName } from './installation.ts';
import { configName } from './mesh-config.ts';

/** To find which Istio is meant, and to hear from it. */
export function istioGuestRights({
  control: namespace,
  revision,
}: {
  control: string;
  revision?: string | undefined;
}): readonly Right[] {
  return [
    {
      ...{ verb: 'list', resource: 'deployments', group: 'apps' },
      why: 'istiod may be in any namespace, and there may be several',
    },
    {
      ...{ verb: 'list', resource: 'mutatingwebhookconfigurations', group: 'admissionregistration.k8s.io' },
      why: 'which revision injects sidecars, and which tags stand for it',
    },
    ...definitionNames.map((name): Right => ({
      ...{ verb: 'get', resource: 'customresourcedefinitions', group: 'apiextensions.k8s.io', name },
      why: 'whether it is a whole Istio',
    })),
    {
      ...{ verb: 'get', resource: 'deployments', group: 'apps', namespace, name: istiodName(revision) },
      why: 'whether istiod is ready',
    },
    {
      ...{ verb: 'get', resource: 'configmaps', namespace, name: configName(revision) },
      why: 'the configuration of the mesh names the trust domain of identities',
    },
    ...(['get', 'create'] as const).map((verb): Right => ({
      ...{ verb, resource: 'pods/portforward', namespace },
      why: 'istiod tells its version on its monitoring port',
    })),
  ];
}
