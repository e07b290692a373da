import { isDeepStrictEqual } from 'node:util';
import { runCommand } from '../../../src/base/process.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import type { KubeClient, KubeObject } from '../../../src/kube/types.ts';
import { operator } from '../../../src/meshes/istio/install.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import type { TestMesh } from './test-mesh.ts';

/** Istio as a user has it: installed by istioctl, as a revision, and without what meshproof tells its own. */
export interface UsersIstio {
  install(revision: string): Promise<void>;
  istioctl(...args: string[]): Promise<string>;
}

export function usersIstio({ lab, images }: Pick<TestMesh, 'lab' | 'images'>): UsersIstio {
  const { signal } = new AbortController();
  const toolbox = createToolbox({ progress: silentProgress(), signal });
  const run = async (args: readonly string[], input?: string): Promise<string> => {
    const { bin } = await toolbox.get('istioctl');
    const env = { KUBECONFIG: lab.kubeconfigPath };
    return (await runCommand([bin['istioctl']!, ...args], { env, input, timeoutMs: 240_000 })).stdout;
  };
  return {
    istioctl: (...args) => run(args),
    async install(revision) {
      const wanted = operator(
        { istiod: images['istiod']!.ref, proxy: images['istio-proxy']!.ref },
        { revision },
      ) as KubeObject;
      // Not what an experiment needs of proxies: counters and drain time are Istio's own. The Envoy is ours, there is no other here.
      wanted.spec.meshConfig.defaultConfig = { binaryPath: '/usr/bin/envoy' };
      await run(['install', '--skip-confirmation', '--filename', '-'], JSON.stringify(wanted));
    },
  };
}

/** What there is of Istio that is not an application's, without what its parts write themselves: status, leases, CA bundles. */
export async function istioObjects(kube: KubeClient): Promise<Map<string, unknown>> {
  const system = (group: string, kind: string): string => `/apis/${group}/namespaces/istio-system/${kind}`;
  const lists = [
    system('apps/v1', 'deployments'),
    '/api/v1/namespaces/istio-system/configmaps',
    '/api/v1/namespaces/istio-system/services',
    system('security.istio.io/v1', 'peerauthentications'),
    system('security.istio.io/v1', 'authorizationpolicies'),
    system('networking.istio.io/v1', 'virtualservices'),
    system('networking.istio.io/v1', 'destinationrules'),
    system('networking.istio.io/v1alpha3', 'envoyfilters'),
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  ];
  const all = (await Promise.all(lists.map((path) => kube.list(path)))).flat();
  return new Map(all.flatMap((object) => (isLease(object) ? [] : [[nameOf(object), stable(object)] as const])));
}

/** Names of what differs. */
export function differing(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => !isDeepStrictEqual(before.get(name), after.get(name)),
  );
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}

/** Who leads writes its name every two seconds. */
function isLease({ metadata }: KubeObject): boolean {
  return metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'] !== undefined;
}

/** ConfigMaps with their resource version: nobody writes them. Who else manages an object is in its managed fields. */
function stable(object: KubeObject): unknown {
  const rest = structuredClone(object);
  delete rest['status'];
  const { resourceVersion, managedFields, ...metadata } = rest.metadata as KubeObject['metadata'] & {
    managedFields?: { manager: string }[];
  };
  for (const webhook of (rest['webhooks'] ?? []) as { clientConfig: { caBundle?: string } }[])
    delete webhook.clientConfig.caBundle;
  const managers = [...new Set(managedFields?.map(({ manager }) => manager))].sort();
  return { ...rest, metadata, managers, ...(object.kind === 'ConfigMap' && { resourceVersion }) };
}
