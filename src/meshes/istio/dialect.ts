import type { MeshContext } from '../adapter.ts';
import type { MeshDialect } from '../define-mesh.ts';
import type { IstioInstallation } from './installation.ts';
import type { IstioRenderers } from './policies/renderer.ts';
import type { Kind } from './resources.ts';

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
