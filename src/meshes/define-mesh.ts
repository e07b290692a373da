import type { MeshCapabilities, Statements } from '../capabilities/statement.ts';
import type { ImageKit, MadeImage } from '../images/image-kit.ts';
import type { Right } from '../kube/rights.ts';
import type { Policy, PolicyKind } from '../policies/index.ts';
import type { SmiSuccessors } from '../smi/successor.ts';
import type { ToolName } from '../tools/tool.ts';
import type { MeshAdapter, MeshContext, MeshSetup } from './adapter.ts';

/** What shows that a mesh is in a cluster, whoever put it there. */
export interface MeshSigns {
  /** Label selectors of the Deployments and StatefulSets of its control plane, in any namespace unless one is given. */
  readonly controlPlane: readonly { readonly labels: string; readonly namespace?: string }[];
  /** Labels and annotations of a namespace that call its injector, unless they have this value. */
  readonly invitations: readonly { readonly key: string; readonly unless?: string }[];
}

/** What of a policy a mesh, or one of its dialects, cannot say. */
export interface PolicyLimits {
  /** What bounds retries: how often one request is tried (default), or a budget of all requests of a caller together. */
  readonly retriesBoundedBy?: 'attempts' | 'budget' | undefined;
  /** Why these policies, that hold at the same time, cannot be told; undefined: they can. What needs them is skipped. */
  readonly cannotSay?: ((policies: readonly Policy[]) => string | undefined) | undefined;
}

/** Other resources of a mesh's that say what its usual ones say. */
export interface MeshDialect extends PolicyLimits {
  /** For people. */
  readonly title: string;
  /** Its renderers, for the kinds of policy that it can say the same of; of the others the usual ones. */
  readonly policies: { readonly [Kind in PolicyKind]?: object | undefined };
  /** What it takes beyond the mesh's own programs, where meshproof installs the mesh. */
  readonly tools?: readonly ToolName[] | undefined;
  /** Rows of the capability matrix that differ where policies are written in it. */
  readonly says?: Partial<Statements> | undefined;
}

/** The release of a mesh's makers, which can be installed in the place of programs that are made here. */
export interface MeshRelease {
  /** Its command line; what the lock file says of that is said of the release. */
  readonly tool: ToolName;
  /** Programs that are needed with it, beyond those of every lab. */
  readonly tools: readonly ToolName[];
  /** Where its images are pulled from: the version page of the registry, as a URL. */
  readonly registry: string;
  /** Oldest version that works here. */
  readonly since: string;
}

/** Everything meshproof knows of a mesh before there is a lab. A new mesh is a folder with one of these, and a line in index.ts. */
export interface MeshEntry<Name extends string = string> extends PolicyLimits {
  readonly name: Name;
  /** For people. */
  readonly title: string;
  /** Where its control plane runs: health looks there too. */
  readonly namespaces: readonly string[];
  /** What its sidecars are: an Envoy, or a proxy of the mesh's own. */
  readonly proxies: 'envoy' | 'own';
  /** Programs it is made of, beyond those of every lab. */
  readonly tools: readonly ToolName[];
  /** Its images by name; built only where they are wanted. */
  readonly images: Readonly<Record<string, (kit: ImageKit) => Promise<MadeImage>>>;
  /** What a pod carries to stay outside of it. */
  readonly keepOut: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly signs: MeshSigns;
  /** Its renderer for each kind of policy it can carry out. A scenario that needs another is skipped, with the reason. */
  readonly policies: { readonly [Kind in PolicyKind]?: object | undefined };
  /** By the name that `--mesh-dialect` takes; undefined: there is one way only to say a policy. */
  readonly dialects?: Readonly<Record<string, MeshDialect>> | undefined;
  /** What it is made of, and what its makers say that it can do and cannot. */
  readonly capabilities: MeshCapabilities;
  /** What it has in the place of SMI objects; undefined: nobody knows yet. */
  readonly smi?: SmiSuccessors | undefined;
  /** What can be chosen of its installation; undefined: there is one way only, and none that is there can be adopted. */
  readonly setup?: {
    /** Programs that are needed with one that is there already; undefined: none can be adopted. */
    readonly adopts?: readonly ToolName[];
    /** @throws MeshproofError MESHPROOF_USAGE for a profile or a revision that it cannot have */
    check(setup: MeshSetup): void;
  };
  /**
   * What a guest needs who only looks (`MeshContext.guest`), beyond what every mesh needs; undefined: it cannot be looked at by one.
   *
   * @param where its control plane is: the namespace, and of several the revision
   */
  readonly guestRights?: ((where: { control: string; revision?: string | undefined }) => readonly Right[]) | undefined;
  /** Undefined: there is one way only to get it. */
  readonly release?: MeshRelease | undefined;
  /** Talks to it in a lab; starts nothing. */
  open(context: MeshContext): MeshAdapter;
}

export function defineMesh<Name extends string>(entry: MeshEntry<Name>): MeshEntry<Name> {
  return entry;
}
