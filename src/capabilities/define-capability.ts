import type { PolicyKind } from '../policies/index.ts';
import type { Proof } from './proof.ts';

/** What a mesh can be asked for, by the concern it belongs to; the first part of a capability's id. */
export const groups = {
  protocols: 'Protocols',
  routing: 'Routing',
  resiliency: 'Resiliency',
  'load-balancing': 'Load balancing',
  security: 'Security',
  observability: 'Observability',
  delivery: 'Delivery',
  operation: 'Operation',
} as const;
export type Group = keyof typeof groups;

/** A row of the matrix: one thing that a mesh can be asked for. It knows no mesh. */
export interface Capability<Id extends string = string> {
  /** `<group>/<name>`, stable. */
  readonly id: Id;
  /** What a person asks for. */
  readonly title: string;
  /** Policy that asks for it; a mesh with a renderer for it can do it. */
  readonly policy?: PolicyKind | undefined;
  /** Undefined: no claim is about it yet. */
  readonly proof?: Proof | undefined;
  /** What is missing for a proof, where something of it is looked at already. */
  readonly open?: string | undefined;
}

export function groupOf({ id }: Pick<Capability, 'id'>): Group {
  return id.slice(0, id.indexOf('/')) as Group;
}

/** The rows of one group; ids are completed. */
export function defineGroup<G extends Group, Name extends string>(
  group: G,
  rows: Readonly<Record<Name, string | Omit<Capability, 'id'>>>,
): Capability<`${G}/${Name}`>[] {
  return Object.entries<string | Omit<Capability, 'id'>>(rows).map(([name, row]) => ({
    id: `${group}/${name as Name}` as const,
    ...(typeof row === 'string' ? { title: row } : row),
  }));
}
