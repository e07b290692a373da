import type { ToolName } from '../tools/tool.ts';
import type { CapabilityId } from './index.ts';

/** What a mesh’s makers say of a capability: where the mesh does it, or why it cannot. */
export interface Statement {
  readonly able: boolean;
  /** By which of the mesh’s own resources, or why not; a clause without a full stop. */
  readonly how: string;
  /** Page of its documentation. */
  readonly source: string;
}

/** A statement on each row. */
export type Statements = Readonly<Record<CapabilityId, Statement>>;

/** A part of a mesh, as its entry installs it. */
export interface MeshPart {
  /** What a person calls it. */
  readonly name: string;
  /** Program it is, where it is one of meshproof’s tools: says its version and its licence. */
  readonly tool?: ToolName | undefined;
  /** SPDX, of a part that is none of the tools: tools/lock.json says theirs. */
  readonly licence?: string | undefined;
  readonly role: 'control-plane' | 'data-plane' | 'cli';
  readonly does: string;
  readonly supports: readonly string[];
}

/** What only a mesh knows of its capabilities: a member of its entry. */
export interface MeshCapabilities {
  readonly parts: readonly MeshPart[];
  /** A row that is missing was not looked up. */
  readonly says: Partial<Statements>;
}

export function able(how: string, source: string): Statement {
  return { able: true, how, source };
}

export function unable(how: string, source: string): Statement {
  return { able: false, how, source };
}
