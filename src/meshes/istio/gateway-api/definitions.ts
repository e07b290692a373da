import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { MeshproofError } from '../../../base/errors.ts';
import { pollUntil } from '../../../base/poll.ts';
import { getIfThere } from '../../../kube/get-if-there.ts';
import { isHttpStatus } from '../../../kube/kube-api-error.ts';
import type { KubeObject } from '../../../kube/types.ts';
import type { MeshContext } from '../../adapter.ts';
import type { IstioInstallation } from '../installation.ts';
import { kinds } from '../resources.ts';

const servedTimeoutMs = 60_000;
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const [group, version] = kinds.HTTPRoute.apiVersion.split('/') as [string, string];
const httpRoutes = `${kinds.HTTPRoute.plural}.${group}`;
/** What is written of a rule. */
const neededFields = ['timeouts.request', 'retry.attempts', 'retry.codes'];
const howToGet =
  'Install the Gateway API’s experimental channel, 1.2 or later (config/crd/experimental of its Go module sigs.k8s.io/gateway-api, or experimental-install.yaml of a release), or leave --mesh-dialect out.';
/** Istio’s own switch, on by default. */
const switchName = 'PILOT_ENABLE_GATEWAY_API';

type Where = Pick<MeshContext, 'kube' | 'tool' | 'signal'>;

/**
 * Installs the Gateway API’s definitions, of the version that Istio is built with, and waits until HTTPRoutes are served. What is
 * there already stays as it is, if its HTTPRoutes have the fields that are written.
 *
 * @throws MeshproofError MESHPROOF_MESH_CONFLICT where they lack some, before anything is changed
 */
export async function ensureDefinitions({ kube, tool, signal }: Where): Promise<void> {
  const there = await getIfThere(kube, `${definitions}/${httpRoutes}`);
  if (there !== undefined) return refuseLacking(there);
  const { bin } = await tool('gateway-api');
  const texts = await Promise.all(Object.values(bin).map((path) => readFile(path, 'utf8')));
  const wanted = texts.flatMap((text) => parseAllDocuments(text).map((each) => each.toJS() as KubeObject));
  const missing = await Promise.all(
    wanted.map(async (each) => ((await getIfThere(kube, `${definitions}/${each.metadata.name}`)) ? [] : [each])),
  );
  await kube.apply(missing.flat());
  await pollUntil(
    async () => {
      try {
        await kube.list(`/apis/${kinds.HTTPRoute.apiVersion}/${kinds.HTTPRoute.plural}`);
        return { ready: undefined };
      } catch (error) {
        if (isHttpStatus(error, 404)) return { pending: 'the API server does not know it yet' };
        throw error;
      }
    },
    {
      what: `the kind ${httpRoutes}`,
      timeoutMs: servedTimeoutMs,
      signal,
      code: 'MESHPROOF_KUBE_API',
      hint: `Look at it: kubectl get crd ${httpRoutes} -o yaml`,
    },
  );
}

/**
 * The same of an Istio that is there, where nothing is installed: HTTPRoutes are defined as they are written, and it looks at them.
 *
 * @throws MeshproofError MESHPROOF_MESH_CONFLICT
 */
export async function checkDefinitions(
  { kube }: Pick<MeshContext, 'kube'>,
  { namespace, deployment }: Pick<IstioInstallation, 'namespace' | 'deployment'>,
): Promise<void> {
  const [definition, istiod] = await Promise.all([
    getIfThere(kube, `${definitions}/${httpRoutes}`),
    kube.get(`/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`),
  ]);
  if (definition === undefined)
    throw conflict(
      'There are no HTTPRoutes of the Gateway API in this cluster, and beside a mesh that is there none are defined',
      howToGet,
    );
  refuseLacking(definition);
  if (isSwitchedOff(istiod)) {
    throw conflict(
      `${namespace}/${deployment} does not look at the Gateway API: ${switchName} is false`,
      `Leave ${switchName} out of its environment, or --mesh-dialect.`,
    );
  }
}

function refuseLacking(definition: KubeObject): void {
  const lacking = lackingFields(definition);
  if (lacking.length === 0) return;
  const { annotations = {} } = definition.metadata;
  const said = (name: string): string => annotations[`${group}/${name}`] ?? 'unknown';
  throw conflict(
    `The HTTPRoutes of this cluster (Gateway API ${said('bundle-version')}, channel ${said('channel')}) have no ${lacking.map((field) => `rules[].${field}`).join(', ')}`,
    howToGet,
  );
}

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
}

/** Pure: of the fields that are written, those that a definition of HTTPRoutes does not have. */
export function lackingFields({ spec }: KubeObject): string[] {
  const versions = spec.versions as { name: string; served: boolean; schema?: { openAPIV3Schema?: Schema } }[];
  const root = versions.find(({ name, served }) => name === version && served)?.schema?.openAPIV3Schema;
  const rule = root?.properties?.spec?.properties?.rules?.items;
  return neededFields.filter((path) => {
    const found = path.split('.').reduce<Schema | undefined>((schema, name) => schema?.properties?.[name], rule);
    return found === undefined;
  });
}

/** Pure. */
export function isSwitchedOff({ spec }: KubeObject): boolean {
  const { containers = [] } = (spec.template as { spec: { containers?: Container[] } }).spec;
  return containers
    .flatMap(({ env = [] }) => env)
    .some(({ name, value = '' }) => name === switchName && /^(0|f|false)$/i.test(value));
}

interface Container {
  env?: { name: string; value?: string }[];
}

function conflict(message: string, hint: string): MeshproofError {
  return new MeshproofError('MESHPROOF_MESH_CONFLICT', message, hint);
}
