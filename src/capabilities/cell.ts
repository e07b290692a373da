import type { PolicyKind } from '../policies/index.ts';
import { groupOf, groups, type Capability } from './define-capability.ts';
import { isProofOf, type Proof, type Tried } from './proof.ts';
import type { MeshCapabilities, Statement } from './statement.ts';

/**
 * `proven`: by a scenario, with a control. `supported`: the mesh can do it by its documentation, meshproof does not prove it.
 * `unsupported`: the mesh cannot. `skipped`: nobody has looked it up.
 */
export const capabilityStatuses = ['proven', 'supported', 'unsupported', 'skipped'] as const;
export type CapabilityStatus = (typeof capabilityStatuses)[number];

/** One mesh and one capability. */
export interface CapabilityCell {
  /** Of the capability. */
  id: string;
  /** For people, as the title of the capability. */
  group: string;
  capability: string;
  mesh: string;
  status: CapabilityStatus;
  /** The scenario that proves it. */
  scenario?: string | undefined;
  /** Others that prove it as well. */
  alsoBy?: string[] | undefined;
  /** Why it is not proven; of one that is, what its proof needs of the app. */
  reason?: string | undefined;
  /** Documentation of the mesh that the reason rests on. */
  source?: string | undefined;
  /** What proves it; undefined where no claim is about it. */
  proof?: Proof | undefined;
}

/** What is asked of a mesh's entry. */
export interface CapableMesh {
  readonly name: string;
  readonly title: string;
  readonly policies: { readonly [Kind in PolicyKind]?: object | undefined };
  readonly capabilities: MeshCapabilities;
}

/** Pure: a cell from what the mesh says of itself, the policies that it has renderers for, and what scenarios try. */
export function capabilityCell(row: Capability, mesh: CapableMesh, scenarios: readonly Tried[]): CapabilityCell {
  const { id, title, proof } = row;
  const said = (mesh.capabilities.says as Partial<Record<string, Statement>>)[id];
  const base = { id, group: groups[groupOf(row)], capability: title, mesh: mesh.name };
  const source = said && { source: said.source };
  if (said?.able === false) return { ...base, status: 'unsupported', reason: said.how, ...source };
  const renders = (kind: PolicyKind): boolean => mesh.policies[kind] !== undefined;
  const fitting = proof === undefined ? [] : scenarios.filter((tried) => isProofOf(proof, tried));
  const [first, ...others] = fitting.filter(({ policies }) => policies.every(renders)).map(({ scenario }) => scenario);
  if (first !== undefined && proof !== undefined) {
    const reason = proof.condition && { reason: proof.condition };
    const alsoBy = others.length > 0 && { alsoBy: others };
    return { ...base, status: 'proven', scenario: first, ...alsoBy, ...reason, ...source, proof };
  }
  const policy = row.policy !== undefined && renders(row.policy) ? `the policy ${row.policy}` : undefined;
  const how = said?.how ?? policy;
  if (how === undefined) {
    return { ...base, status: 'skipped', reason: `nobody has looked up yet whether ${mesh.title} can do it` };
  }
  const reason = `${how}; not proven: ${whyNot(row, mesh, fitting)}`;
  return { ...base, status: 'supported', reason, ...source, ...(proof && { proof }) };
}

function whyNot({ proof, open }: Capability, mesh: CapableMesh, fitting: readonly Tried[]): string {
  if (proof === undefined) return open ?? 'no claim is about it yet';
  const lacking = fitting.flatMap(({ policies }) => policies.filter((kind) => mesh.policies[kind] === undefined));
  if (lacking.length > 0)
    return `meshproof does not know how ${mesh.title} is told ${[...new Set(lacking)].join(', ')}`;
  return `no scenario makes the claim ${proof.claim} so`;
}
