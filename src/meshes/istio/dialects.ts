import type { MeshSetup } from '../adapter.ts';
import type { IstioDialect } from './dialect.ts';
import { gatewayApi } from './gateway-api/index.ts';
import { istioPolicies } from './policies/index.ts';
import type { IstioRenderers } from './policies/renderer.ts';
import { istioKinds, type Kind } from './resources.ts';

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
