import type { MeshContext, MeshSetup } from '../adapter.ts';
import type { MeshDialect } from '../define-mesh.ts';
import { gatewayApi } from './gateway-api/index.ts';
import type { IstioInstallation } from './installation.ts';
import { istioPolicies } from './policies/index.ts';
import type { IstioRenderers } from './policies/renderer.ts';
import { istioKinds, type Kind } from './resources.ts';

/** Other resources for policies of Istio, and what these need of a cluster. */
export interface IstioDialect extends MeshDialect {
  readonly policies: IstioRenderers;
  /** Kinds beyond those that every Istio has. */
  readonly kinds: readonly Kind[];
  /** Makes a cluster ready for them, where meshproof installs Istio. @throws MeshproofError before anything is changed */
  prepare(context: Pick<MeshContext, 'kube' | 'tool' | 'signal'>): Promise<void>;
  /** Whether an Istio that is there is ready for them; changes nothing. @throws MeshproofError */
  check(
    context: Pick<MeshContext, 'kube'>,
    installation: Pick<IstioInstallation, 'namespace' | 'deployment'>,
  ): Promise<void>;
  readonly caveats: readonly string[];
}

/** By the name that `--mesh-dialect` takes. */
export const istioDialects = { 'gateway-api': gatewayApi } satisfies Record<string, IstioDialect>;

/** The one that a lab speaks beside Istio's own words; undefined: none. */
export function dialectOf({ dialect }: Pick<MeshSetup, 'dialect'>): IstioDialect | undefined {
  return (istioDialects as Record<string, IstioDialect>)[dialect ?? ''];
}

/** What policies are written in: the kinds, and who renders them. */
export interface Told {
  readonly renderers: IstioRenderers;
  readonly kinds: readonly Kind[];
}

/** Pure. */
export function toldIn(dialect: IstioDialect | undefined): Told {
  return {
    renderers: { ...istioPolicies, ...dialect?.policies },
    kinds: [...istioKinds, ...(dialect?.kinds ?? [])],
  };
}
