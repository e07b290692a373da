import type { CapabilityCell } from '../capabilities/cell.ts';
import type { MeshPart } from '../capabilities/statement.ts';
import type { MeshComponent } from '../meshes/adapter.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { meshes, type MeshName } from '../meshes/index.ts';
import { capabilityMatrix } from '../scenario/capability-matrix.ts';
import { lockOf, readLock } from '../tools/lock.ts';
import { meshNames } from './defaults.ts';

/** A part of a mesh: as its entry installs it, or one that runs. */
export interface PartRow {
  mesh: string;
  name: string;
  version: string;
  role: MeshPart['role'];
  /** Undefined where no lab was looked at. */
  ready?: boolean | undefined;
  does: string;
  supports: readonly string[];
  /** SPDX; of tools/lock.json, as `doctor` says it. */
  licence: string;
  /** Of a control plane that runs: what it is told policies in, where that is not its usual resources. */
  dialect?: string | undefined;
}

/** What meshes can be asked for: proven by which scenario, or why not. Default: of every mesh. */
export function capabilities(names: readonly MeshName[] = meshNames): Promise<CapabilityCell[]> {
  return capabilityMatrix(names.map((name) => meshes[name]));
}

/** What a mesh is made of, as its entry installs it; nothing runs. */
export function partsOf(entry: MeshEntry): PartRow[] {
  const lock = readLock();
  return entry.capabilities.parts.map(({ tool, name, role, does, supports, licence = 'unknown' }) => {
    const locked = tool === undefined ? { version: 'unknown', licence } : lockOf(lock, tool);
    return { mesh: entry.name, name, version: locked.version, role, does, supports, licence: locked.licence };
  });
}

/** Other resources that a mesh’s policies can be written in, or are. */
export interface DialectRow {
  mesh: string;
  /** As `--mesh-dialect` takes it. */
  dialect: string;
  title: string;
  /** Kinds of policy that it says; the others are in the mesh’s usual resources. */
  policies: string[];
}

/** @param spoken only this one; default: all that there are */
export function dialectsOf({ name, dialects = {} }: MeshEntry, spoken?: string): DialectRow[] {
  return Object.entries(dialects)
    .filter(([dialect]) => spoken === undefined || dialect === spoken)
    .map(([dialect, { title, policies }]) => ({ mesh: name, dialect, title, policies: Object.keys(policies) }));
}

/** What runs of a mesh, with what its entry says of each. @param components of the mesh in a lab */
export function runningParts(
  entry: MeshEntry,
  components: readonly MeshComponent[],
  dialect?: string | undefined,
): PartRow[] {
  const known = partsOf(entry);
  return components.map(({ name, version, role, ready, tool }) => {
    // What does not say which program it is, is told by its role.
    const index = entry.capabilities.parts.findIndex((part) =>
      tool === undefined ? part.role === role : part.tool === tool,
    );
    const { does = '', supports = [], licence = 'unknown' } = known[index] ?? {};
    const spoken = role === 'control-plane' && dialect !== undefined && { dialect };
    return { mesh: entry.name, name, version, role, ready, does, supports, licence, ...spoken };
  });
}
